import http from 'node:http';
import { setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSandbox } from 'express-connect-auth/testing';
import { send } from './http.mjs';

/** What the provider itself takes for a refresh, in milliseconds. */
const LATENCY_MS = 20;

function forwarded({ 'content-type': type, authorization }) {
  return authorization === undefined ? { 'content-type': type } : { 'content-type': type, authorization };
}

/** A process that is killed so soon after an answer has left for it has recorded nothing of it. */
const KILLED_WITHIN_MS = 200;

/**
 * A strict provider: refresh tokens rotate, and an old one that comes again ends the connection. A witness stands in
 * front of its token endpoint and counts how often each refresh token is presented, whoever presents it.
 */
export async function startProvider({ lifetimeSeconds, graceMs, slowShare, slowMs, random, killSeconds }) {
  const sandbox = await startSandbox({ switches: { refresh: 'rotate', lifetimeSeconds, graceMs } });
  const killsHappen = killSeconds > 0;
  const presented = new Map();
  let refreshes = 0;
  let twice = 0;
  let ambiguous = 0;
  let slow = 0;

  /** A repeat is ambiguous when each answer before it was lost on its way: its sender cannot know what became of it. */
  function witness(refreshToken, res) {
    const before = presented.get(refreshToken) ?? [];
    if (before.length > 0) {
      if (before.every(({ lost }) => lost)) ambiguous += 1;
      else twice += 1;
    }
    const presentation = { lost: false };
    presented.set(refreshToken, [...before, presentation]);
    const { socket } = res;
    res.once('close', () => {
      presentation.lost = !res.writableFinished;
      // The library keeps its sockets for two seconds; one that closes at once has lost its process.
      if (killsHappen) socket.once('close', markLost);
      setTimeout(() => socket.off('close', markLost), KILLED_WITHIN_MS).unref();
    });
    const markLost = () => (presentation.lost = true);
  }

  async function relay(req, res) {
    let body = '';
    for await (const chunk of req) body += chunk;
    const fields = JSON.parse(body);
    const isRefresh = fields.grant_type === 'refresh_token';
    if (isRefresh) {
      refreshes += 1;
      witness(fields.refresh_token, res);
      await sleep(LATENCY_MS * (0.5 + random()));
    }
    const {
      status,
      headers,
      body: answer,
    } = await send(sandbox.connectOptions.tokenUrl, {
      method: req.method,
      body,
      headers: forwarded(req.headers),
    });
    // After the commit: the worst moment to be slow in.
    if (isRefresh && random() < slowShare) {
      slow += 1;
      await sleep(slowMs);
    }
    res.writeHead(status, { 'content-type': headers['content-type'] });
    res.end(answer);
  }

  const server = http.createServer((req, res) => relay(req, res).catch(() => res.destroy()));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tokenUrl = `http://127.0.0.1:${server.address().port}/token`;
  return {
    connectOptions: { ...sandbox.connectOptions, tokenUrl, apiBaseUrl: sandbox.apiBaseUrl },
    allow: sandbox.allow,
    counts: () => ({ refreshes, twice, ambiguous, slow }),
    async close() {
      server.closeAllConnections();
      server.close();
      await sandbox.close();
    },
  };
}
