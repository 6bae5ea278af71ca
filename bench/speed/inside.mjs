// What is measured in the process of an app without HTTP: the middleware on a route that is not ours, and getToken().
import { cpuOfEach, passed, requestsOf } from './requests.mjs';

export function insideQuestions({ app, parts, made }) {
  const requests = requestsOf({ app, parts });

  /** Calls the middleware for each; waits only where it has not passed on in the same tick. */
  async function callAll(pairs) {
    let isPassed;
    let resume;
    const next = (error) => {
      if (error) throw error;
      isPassed = true;
      resume?.();
    };
    for (const { req, res } of pairs) {
      isPassed = false;
      resume = undefined;
      made.middleware(req, res, next);
      if (!isPassed) await new Promise((resolve) => (resume = resolve));
    }
  }

  return {
    /** CPU microseconds of the middleware per request of a connected visitor, one figure each round. */
    async inside({ cookie, calls, rounds }) {
      const found = [];
      for (let round = 0; round < rounds + 1; round += 1)
        found.push(await cpuOfEach(await requests(calls, cookie), callAll));
      return found.slice(1);
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
      for (let round = 0; round < rounds + 1; round += 1) {
        const figures = {};
        const order = Object.entries(ways);
        for (const [name, way] of round % 2 === 0 ? order : order.toReversed()) {
          const pairs = await requests(calls, cookie);
          for (const pair of pairs) await passed(made.middleware, pair);
          figures[name] = await cpuOfEach(pairs, way);
        }
        found.push(figures);
      }
      return found.slice(1);
    },
  };
}
