// Requests as they reach a middleware, without a socket: made before what is measured.
import http from 'node:http';
import net from 'node:net';

/** @returns a function that gives `count` requests, each with its response, behind the `parts` before the middleware */
export function requestsOf({ app, parts, store }) {
  const socket = new net.Socket();

  function bare(headers) {
    const req = Object.create(app.request);
    Object.defineProperty(req, 'headers', { value: headers, writable: true, enumerable: true, configurable: true });
    Object.assign(req, { method: 'GET', url: '/products/42', originalUrl: '/products/42', baseUrl: '', socket });
    const res = Object.setPrototypeOf(new http.ServerResponse(req), app.response);
    req.res = res;
    res.req = req;
    res.locals = Object.create(null);
    return { req, res };
  }

  return async function requests(count, cookie) {
    const headers = { host: '127.0.0.1', accept: 'text/html', cookie };
    const first = bare(headers);
    for (const part of parts) await passed(part, first);
    const { sessionID } = first.req;
    const document = store.sessions[sessionID];
    return Array.from({ length: count }, () => {
      const pair = bare(headers);
      // As express-session does it; going through it once for each would take longer than all that is measured.
      if (document !== undefined) {
        Object.assign(pair.req, { sessionID, sessionStore: store });
        store.createSession(pair.req, JSON.parse(document));
      }
      return pair;
    });
  };
}

/** Whether and when the middleware passes a request on. */
export function passed(middleware, { req, res }) {
  return new Promise((resolve, reject) => middleware(req, res, (error) => (error ? reject(error) : resolve())));
}

/**
 * CPU microseconds per element of `list` while `work` goes over it. Needs --expose-gc: requests that have been made ahead are
 * old by then, otherwise moving them would be counted wherever the next collection happens to be. Two scavenges make them
 * so. A full collection would make V8 forget the shapes of objects that live for a call only, and the code that it
 * has optimized for them: whoever uses such objects pays for that, which no busy app does.
 */
export async function cpuOfEach(list, work) {
  for (let n = 0; n < 2; n += 1) globalThis.gc({ type: 'minor' });
  const before = process.cpuUsage();
  await work(list);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / list.length;
}
