// What is measured in the process of an app without HTTP: the middleware on a route that is not ours, and getToken().
import { cpuOfEach, passed, requestsOf } from './requests.mjs';

const AT_ONCE = 250;
/** Rounds before those that count: V8 compiles what is called often. */
const WARM_UP = 8;

export function insideQuestions({ app, parts, store, made }) {
  const requests = requestsOf({ app, parts, store });

  /** A router passes on in the next turn of the event loop; whole batches share one, as the requests of a busy app do. */
  async function callAll(pairs) {
    for (let from = 0; from < pairs.length; from += AT_ONCE) {
      const batch = pairs.slice(from, from + AT_ONCE);
      let left = batch.length;
      await new Promise((resolve, reject) => {
        const next = (error) => {
          left -= 1;
          if (error) reject(error);
          else if (left === 0) resolve();
        };
        for (const { req, res } of batch) made.middleware(req, res, next);
      });
    }
  }

  return {
    /** CPU microseconds of the middleware per request of a connected visitor, one figure each round. */
    async inside({ cookie, calls, rounds }) {
      const found = [];
      for (let round = 0; round < rounds + WARM_UP; round += 1)
        found.push(await cpuOfEach(await requests(calls, cookie), callAll));
      return found.slice(WARM_UP);
    },
    /** CPU microseconds of `getToken(req)`, and of reading the session and awaiting what is there; in pairs. */
    async getToken({ cookie, calls, rounds }) {
      const { connect } = made;
      const ways = {
        read: async (pairs) => {
          for (const { req } of pairs) await req.session.connectToken;
        },
        getToken: async (pairs) => {
          for (const { req } of pairs) await connect.getToken(req);
        },
      };
      const found = [];
      for (let round = 0; round < rounds + WARM_UP; round += 1) {
        const figures = {};
        const order = Object.entries(ways);
        for (const [name, way] of round % 2 === 0 ? order : order.toReversed()) {
          const pairs = await requests(calls, cookie);
          for (const pair of pairs) await passed(made.middleware, pair);
          figures[name] = await cpuOfEach(pairs, way);
        }
        found.push(figures);
      }
      return found.slice(WARM_UP);
    },
  };
}
