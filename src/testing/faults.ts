import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { didYouMean } from '../checks/nearest';
import type { Answer } from './answer';
import { sendAnswer } from './answer';
import type { Gate } from './gate';

/**
 * Ways in which an answer can fail on its way. Times in milliseconds.
 *
 * `delayBefore`, `delayAfter` and `hold` keep the true answer back, before or after the sandbox has acted (the code is
 * spent, the refresh token rotated). All others replace the true answer, and the sandbox does not act, unless the fault
 * is planned with `commit: true`: then it acts, and only its answer is lost.
 *
 * `reset`: the connection is cut. `silence`: no byte ever. `truncated`: JSON that breaks off. `endless`: a body without
 * end, as fast as it is read. `drip`: one byte every 20 ms without end. `gzipBomb`: about 200 KB that unpack to 200 MB.
 * `corruptGzip`: gzip that does not unpack. `large`: 50 MB of valid JSON.
 */
export type SandboxFault =
  | { readonly kind: 'delayBefore' | 'delayAfter'; readonly ms: number }
  | { readonly kind: 'hold'; readonly when: 'before' | 'after' }
  | { readonly kind: 'reset' | 'silence' | 'truncated' | 'endless' | 'drip' | 'gzipBomb' | 'corruptGzip' | 'large' }
  | { readonly kind: 'html503'; readonly retryAfter?: string }
  | { readonly kind: 'redirect'; readonly status: 301 | 302 | 303 | 307 | 308; readonly location: string };

/** A fault together with whether the sandbox acts before its answer is lost. */
export interface PlannedFault {
  readonly fault: SandboxFault;
  readonly commit: boolean;
}

const JSON_HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
const GZIP_HEADERS = { ...JSON_HEADERS, 'Content-Encoding': 'gzip' };
const CHUNK = Buffer.alloc(64 * 1024, ' ');
const LARGE_CHUNKS = 800;
const DRIP_EVERY_MS = 20;
/** Stands in for the true answer where the sandbox does not act. */
const UNTRUE_ANSWER = '{"access_token":"not-a-token-of-this-sandbox","type":"bearer"}';

/** Acts and answers, with `planned` in between. */
export async function answerWithFault(
  res: ServerResponse,
  act: () => Answer,
  planned: PlannedFault | undefined,
  gate: Gate,
): Promise<void> {
  const fault = planned?.fault;
  if (fault !== undefined && isBreaking(fault)) {
    breakAnswer(res, fault, planned?.commit === true ? act().body : UNTRUE_ANSWER);
    return;
  }
  if (fault?.kind === 'delayBefore') await gate.pause(fault.ms);
  if (fault?.kind === 'hold' && fault.when === 'before') await gate.hold();
  const answer = act();
  if (fault?.kind === 'delayAfter') await gate.pause(fault.ms);
  if (fault?.kind === 'hold' && fault.when === 'after') await gate.hold();
  sendAnswer(res, answer);
}

type BreakingFault = Exclude<SandboxFault, { readonly kind: 'delayBefore' | 'delayAfter' | 'hold' }>;

/** Every kind of fault, and whether it replaces the true answer. */
const IS_BREAKING: Readonly<Record<SandboxFault['kind'], boolean>> = {
  delayBefore: false,
  delayAfter: false,
  hold: false,
  reset: true,
  silence: true,
  truncated: true,
  endless: true,
  drip: true,
  gzipBomb: true,
  corruptGzip: true,
  large: true,
  html503: true,
  redirect: true,
};

function isBreaking(fault: SandboxFault): fault is BreakingFault {
  return IS_BREAKING[fault.kind];
}

/** @throws TypeError when there is no such fault: the call would never be answered. */
export function assertFault(fault: Partial<SandboxFault> | null | undefined): void {
  const kind = fault?.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(IS_BREAKING, kind))
    throw new TypeError(`The sandbox has no such fault.${didYouMean(kind, Object.keys(IS_BREAKING))}`);
}

function breakAnswer(res: ServerResponse, fault: BreakingFault, trueBody: string): void {
  switch (fault.kind) {
    case 'reset':
      res.socket?.resetAndDestroy();
      return;
    case 'silence':
      return;
    case 'truncated':
      sendAnswer(res, { status: 200, headers: JSON_HEADERS, body: trueBody.slice(0, Math.floor(trueBody.length / 2)) });
      return;
    case 'endless':
      res.writeHead(200, JSON_HEADERS);
      pour(res, () => CHUNK);
      return;
    case 'drip':
      drip(res);
      return;
    case 'gzipBomb':
      res.writeHead(200, GZIP_HEADERS);
      pour(res, gzipMembers(200));
      return;
    case 'corruptGzip':
      res.writeHead(200, GZIP_HEADERS);
      // A sound header, then bytes that are not a deflate stream.
      res.end(Buffer.concat([gzipSync('{}').subarray(0, 10), Buffer.alloc(200, 0xff)]));
      return;
    case 'large':
      res.writeHead(200, JSON_HEADERS);
      pour(res, largeJson(trueBody));
      return;
    case 'html503':
      sendAnswer(res, {
        status: 503,
        headers: {
          'Content-Type': 'text/html; charset=utf-8',
          ...(fault.retryAfter === undefined ? {} : { 'Retry-After': fault.retryAfter }),
        },
        body: '<!doctype html><title>503</title><h1>Service Unavailable</h1>',
      });
      return;
    case 'redirect':
      sendAnswer(res, { status: fault.status, headers: { Location: fault.location }, body: '' });
      return;
  }
}

/** Writes chunks as fast as the client reads, until there are none or the client (or the sandbox) has gone. */
function pour(res: ServerResponse, nextChunk: () => Buffer | undefined): void {
  function pourOn(): void {
    while (!res.destroyed) {
      const chunk = nextChunk();
      if (chunk === undefined) {
        res.end();
        return;
      }
      if (!res.write(chunk)) {
        res.once('drain', pourOn);
        return;
      }
    }
  }
  pourOn();
}

function drip(res: ServerResponse): void {
  res.writeHead(200, JSON_HEADERS);
  // Whitespace in front of JSON: a reader without a deadline would wait for the rest for ever.
  const timer = setInterval(() => res.write(' '), DRIP_EVERY_MS);
  res.once('close', () => clearInterval(timer));
}

/** 1 MB of whitespace a member: members in a row are one gzip file (RFC 1952 §2.2), so the bomb costs 1 MB only. */
function gzipMembers(count: number): () => Buffer | undefined {
  const member = gzipSync(Buffer.alloc(1_000_000, ' '));
  return chunksOf(member, count);
}

function largeJson(trueBody: string): () => Buffer | undefined {
  const padding = chunksOf(CHUNK, LARGE_CHUNKS);
  let rest: Buffer | undefined = Buffer.from(trueBody);
  return function nextChunk() {
    const chunk = padding();
    if (chunk !== undefined) return chunk;
    const last = rest;
    rest = undefined;
    return last;
  };
}

function chunksOf(chunk: Buffer, count: number): () => Buffer | undefined {
  let left = count;
  return () => (left-- > 0 ? chunk : undefined);
}
