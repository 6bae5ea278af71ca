import { ownerRecords } from '../../../src/connections/owner-record';
import { newToken } from '../../../src/session/connect-token';
import { sealer } from '../../../src/session/seal';
import { tokenSet } from '../../support/token-set';

const KEYS = [{ id: 'k1', secret: 'a secret of records, long enough for anybody' }] as const;
const ADA = { name: 'ada', tag: 'oTag' };
const SCOPE = { clientId: 'client', tokenUrl: 'https://provider.example/token', sessionKey: 'connectToken' };
const records = ownerRecords(SCOPE, KEYS);

test('an end is read as it was written', () => {
  const ended = { kind: 'ended', connectionId: 'c', reason: 'refused', since: 5 } as const;
  expect(records.open(records.seal(ended, ADA), ADA, 'refresh')).toEqual({ record: ended, isOldKey: false });
});

test.each(['lifetimeSeconds', 'ownerTag', 'owner', 'refresh_token', 'expires_at', 'scope', 'ended', 'reason'])(
  'a record that is written while Object.prototype has a %s is read as it was meant',
  (name) => {
    const token = newToken({ access_token: 'a', refresh_token: undefined, expires_at: undefined, scope: undefined });
    const set = tokenSet({ token, connectionId: 'c', generation: 3, owner: ADA.name, ownerTag: ADA.tag });
    const ended = { kind: 'ended', connectionId: 'c', reason: 'refused', since: 5 } as const;
    for (const record of [{ kind: 'connected', set, since: 5 } as const, ended]) {
      Object.assign(Object.prototype, { [name]: 'of a stranger' });
      let sealed;
      try {
        sealed = records.seal(record, ADA);
      } finally {
        Reflect.deleteProperty(Object.prototype, name);
      }
      expect(records.open(sealed, ADA, 'refresh').record).toEqual(record);
    }
  },
);

test.each([
  ['a list', []],
  ['no time', { ended: 'refused' }],
  ['an end that this version does not know', { ended: 'forgotten', since: 5 }],
  ['no token', { since: 5 }],
  ['half a token', { since: 5, token: { access_token: 'a' } }],
])('what another version may have sealed, %s, is not a record, and not "not connected" either', (_what, content) => {
  const [, , label = ''] = /^v2\.k1\.(c\.0\.([\w-]{16}))\./u.exec(
    records.seal({ kind: 'ended', connectionId: 'c', reason: 'refused', since: 5 }, ADA),
  ) ?? ['', '', ''];
  const seal = sealer(KEYS, 'connection');
  const text = seal.seal(JSON.stringify(content), [SCOPE.clientId, SCOPE.sessionKey, ADA.name], `c.0.${label}`);
  expect(() => records.open(text, ADA, 'refresh')).toThrow(
    expect.objectContaining({ code: 'ERR_CONNECT_CONFIG', reason: 'record' }) as Error,
  );
});
