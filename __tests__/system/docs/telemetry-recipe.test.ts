import { AsyncLocalStorage } from 'node:async_hooks';
import * as diagnostics from 'node:diagnostics_channel';
import * as telemetry from '@opentelemetry/api';
import type { Request, RequestHandler } from 'express';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { startSandbox } from '../../support/sandbox';
import { REFERENCE } from '../../support/told';
import { runRecipe } from './recipe';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** What a span of the SDK would keep. */
interface Seen {
  readonly path: string;
  readonly events: { readonly name: string; readonly facts: unknown; readonly time: unknown }[];
  readonly attributes: Record<string, unknown>;
}

/** Keeps the context in the way of the SDK for Node. */
function useContextOfNode(): void {
  const storage = new AsyncLocalStorage<telemetry.Context>();
  const manager: telemetry.ContextManager = {
    active: () => storage.getStore() ?? telemetry.ROOT_CONTEXT,
    with: (context, run, receiver, ...args) => storage.run(context, () => run.call(receiver as never, ...args)),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  telemetry.context.setGlobalContextManager(manager);
  cleanup(() => telemetry.context.disable());
}

/** A span for each request, as the instrumentation of http makes one. */
function withSpans(spans: Seen[]): RequestHandler {
  return (req: Request, _res, next) => {
    const seen: Seen = { path: req.path, events: [], attributes: {} };
    spans.push(seen);
    const span = Object.assign(telemetry.trace.wrapSpanContext(telemetry.INVALID_SPAN_CONTEXT), {
      addEvent: (name: string, facts: unknown, time: unknown) => seen.events.push({ name, facts, time }),
      setAttribute: (name: string, value: unknown) => (seen.attributes[name] = value),
    });
    telemetry.context.with(telemetry.trace.setSpan(telemetry.context.active(), span as never), next);
  };
}

/** Runs the recipe as it is printed; what it records of durations is noted. */
function listen(recorded: unknown[]): void {
  const histogram = { record: (value: number, labels: object) => recorded.push({ value, ...labels }) };
  const modules: Readonly<Record<string, unknown>> = {
    'node:diagnostics_channel': {
      subscribe: (name: string, subscriber: diagnostics.ChannelListener) => {
        diagnostics.subscribe(name, subscriber);
        cleanup(() => void diagnostics.unsubscribe(name, subscriber));
      },
    },
    '@opentelemetry/api': {
      ...telemetry,
      metrics: { getMeter: () => ({ createHistogram: () => histogram }) },
    },
  };
  runRecipe('diagnostics_channel', { modules });
}

test("the recipe puts each event on the span of the visitor's request, and the reference of a failure beside it", async () => {
  const [spans, recorded]: [Seen[], unknown[]] = [[], []];
  useContextOfNode();
  listen(recorded);
  const app = await startApp(sandbox, { before: [withSpans(spans)] });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  sandbox.force(503);
  await signIn(app, sandbox, visitor);
  const callbacks = spans.filter(({ path }) => path === '/connect/callback');
  expect(callbacks.map(({ events }) => events.map(({ name }) => name))).toEqual([
    ['connect.exchange', 'connect.connected'],
    ['connect.exchange', 'connect.error'],
  ]);
  expect(callbacks[0]?.events[0]).toEqual({
    name: 'connect.exchange',
    facts: { durationMs: expect.any(Number) as number, status: 200 },
    time: expect.any(Number) as number,
  });
  expect(callbacks.map(({ attributes }) => attributes)).toEqual([
    {},
    { 'connect.reference': expect.stringMatching(REFERENCE) as string },
  ]);
  expect(recorded).toEqual([
    { value: expect.any(Number) as number, type: 'exchange' },
    { value: expect.any(Number) as number, type: 'exchange' },
  ]);
});
