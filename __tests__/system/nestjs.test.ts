import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Logger, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request } from 'express';
import session from 'express-session';
import { connectAuth, ConnectError } from '../../src';
import { cleanup } from '../support/cleanup';
import { startSandbox } from '../support/sandbox';

// examples/nestjs has the filter, and the decorators as one writes them; here they are called, because nothing compiles them.
test.each<readonly [path: string, status: number]>([
  ['/token', 401],
  ['/status', 418],
  ['/guarded', 401],
])('Nest without a filter answers %s with the status of the ConnectError', async (path, status) => {
  const url = await startNest();
  const answer = await fetch(url + path);
  expect({ status: answer.status, said: await answer.json() }).toEqual({
    status,
    said: expect.objectContaining({ statusCode: status }) as unknown,
  });
});

async function startNest(): Promise<string> {
  Logger.overrideLogger(false);
  const { connectOptions } = await startSandbox();
  const connect = connectAuth({
    ...connectOptions,
    redirectUri: 'http://localhost/connect/callback',
    renderErrors: false,
  });
  class Controllers {
    token(req: Request): Promise<unknown> {
      return connect.getToken(req);
    }
    status(): never {
      throw new ConnectError('ERR_CONNECT_API', { status: 418 });
    }
  }
  for (const name of ['token', 'status'] as const) {
    const method = Object.getOwnPropertyDescriptor(Controllers.prototype, name);
    if (method !== undefined) Get(name)(Controllers.prototype, name, method);
  }
  Req()(Controllers.prototype, 'token', 0);
  Controller()(Controllers);
  const app = await NestFactory.create<NestExpressApplication>({
    module: Controllers,
    controllers: [Controllers],
  });
  cleanup(() => app.close());
  app.use(session({ secret: 'test', resave: false, saveUninitialized: false }), connect);
  app.use('/guarded', connect.requireConnect({ onMissing: 'error' }));
  const server = await app.listen(0, '127.0.0.1');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
