// Requests as they reach a middleware, without a socket: made before what is measured.
import http from 'node:http';
import net from 'node:net';

/** @returns a function that gives `count` requests, each with its response, behind the `parts` before the middleware */
export function requestsOf({ app, parts }) {
  const socket = new net.Socket();

  function bare(cookie) {
    const req = Object.setPrototypeOf(new http.IncomingMessage(socket), app.request);
    Object.assign(req, { method: 'GET', url: '/products/42', originalUrl: '/products/42', baseUrl: '' });
    req.headers = { host: '127.0.0.1', accept: 'text/html', cookie };
    const res = Object.setPrototypeOf(new http.ServerResponse(req), app.response);
    req.res = res;
    res.req = req;
    res.locals = Object.create(null);
    return { req, res };
  }

  return function requests(count, cookie) {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const pair = bare(cookie);
        for (const part of parts) await passed(part, pair);
        return pair;
      }),
    );
  };
}

/** Whether and when the middleware passes a request on. */
export function passed(middleware, { req, res }) {
  return new Promise((resolve, reject) => middleware(req, res, (error) => (error ? reject(error) : resolve())));
}

/** CPU microseconds per element of `list` while `work` goes over it. */
export async function cpuOfEach(list, work) {
  const before = process.cpuUsage();
  await work(list);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / list.length;
}
