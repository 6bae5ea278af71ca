import { noToken } from '../../src/access/no-token';
import { apiRefusals } from '../../src/access/api-refusals';
import { requestTokens, type GetToken } from '../../src/access/get-token';
import { tokenSource, type TokenSourceConfig } from '../../src/access/token-source';
import type { Config } from '../../src/options/read';
import { endedConnections } from '../../src/refresh/ended';
import { owners } from '../../src/session/owners';
import { sessionTokens } from '../../src/session/session-token';
import { sessionOf } from '../../src/session/store';

/** `getToken` of connectAuth(), over flights that differ from its own. */
export function getTokenOver(config: Config, flights: TokenSourceConfig['flights']): GetToken {
  const shared = {
    ...config,
    tokens: sessionTokens({ ...config, oldLabelKey: 'connectLineage' }),
    ended: endedConnections(),
    noToken: noToken(config.loginUrl),
  };
  const tokenOf = tokenSource({ ...shared, flights, refusals: apiRefusals() });
  const token = requestTokens(
    {
      ...shared,
      owners: owners(config),
      connections: undefined,
      endConnection: () => Promise.resolve(),
      hasMoved: () => Promise.resolve(false),
      session: (req, stage) => sessionOf(req, stage, true),
    },
    tokenOf,
  );
  return async (req, ask) => token(req, ask);
}
