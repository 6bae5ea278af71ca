// `client(req).get` beside the same call by a plain axios whose sockets are kept; the API is in a process of its own.
import http from 'node:http';
import axios from 'axios';
import { cpuOfEach, passed, requestsOf } from './requests.mjs';

export function clientQuestions({ app, parts, store, made, provider }) {
  const requests = requestsOf({ app, parts, store });

  async function inTurns(pairs, atOnce, call) {
    let next = 0;
    const loop = async () => {
      while (next < pairs.length) {
        const { req } = pairs[next];
        next += 1;
        await call(req);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, loop));
  }

  return {
    /** CPU microseconds of an API call, `atOnce` at once, in pairs. */
    async client({ cookie, calls, rounds, atOnce }) {
      const { connect } = made;
      const plain = axios.create({ baseURL: provider, httpAgent: new http.Agent({ keepAlive: true }) });
      const ways = {
        plain: async (req) => {
          const headers = { authorization: `Bearer ${req.session.connectToken.access_token}` };
          return (await plain.get('/me', { headers })).data;
        },
        client: async (req) => (await connect.client(req).get('/me')).data,
      };
      const found = [];
      for (let round = 0; round < rounds + 2; round += 1) {
        const figures = {};
        const order = Object.entries(ways);
        for (const [name, way] of round % 2 === 0 ? order : order.toReversed()) {
          const pairs = await requests(calls, cookie);
          for (const pair of pairs) await passed(made.middleware, pair);
          figures[name] = await cpuOfEach(pairs, (list) => inTurns(list, atOnce, way));
        }
        found.push(figures);
      }
      return found.slice(2);
    },
  };
}
