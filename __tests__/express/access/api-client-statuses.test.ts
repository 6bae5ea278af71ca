import { AxiosError } from 'axios';
import { apiWorld, json, type ApiWorld } from '../../support/api-world';
import { http11 } from '../../support/local-server';

let world: ApiWorld;
let respond: () => Buffer;
beforeEach(async () => {
  world = await apiWorld((socket) => socket.write(respond()));
});

const DETAILS = { success: false, errors: [{ field: 'email', message: 'is not an address' }] };
const accept = (...statuses: number[]) => ({ validateStatus: (status: number) => statuses.includes(status) });

test.each([302, 400, 403, 404, 409, 422, 429, 500, 503])(
  'a call that accepts %i resolves with the answer, its body and its headers',
  async (status) => {
    respond = () => json(`${status} Whatever`, DETAILS, 'X-Request-Id: 7');
    const { data, headers, ...answer } = await world.client().post<unknown>('/me', {}, accept(status));
    expect({ status: answer.status, data, id: headers['x-request-id'] as string }).toEqual({
      status,
      data: DETAILS,
      id: '7',
    });
    await expect(world.client().post('/me', {}, accept(418))).rejects.toMatchObject({ name: 'ConnectError' });
    await expect(world.client().post('/me', {})).rejects.toMatchObject({ name: 'ConnectError' });
  },
);

test.each<[string, object, Buffer, unknown]>([
  ['text', {}, http11('no such thing', '404 Not Found', 'Content-Type: text/plain'), 'no such thing'],
  ['a page', {}, http11('<h1>403</h1>', '403 Forbidden', 'Content-Type: text/html'), '<h1>403</h1>'],
  ['nothing', {}, http11('', '422 Unprocessable'), ''],
  ['bytes', { responseType: 'arraybuffer' }, http11('{}', '404 Not Found'), Buffer.from('{}')],
  ['JSON as text', { responseType: 'text' }, json('422 Unprocessable', { a: 1 }), '{"a":1}'],
])('the body may be %s', async (_what, config, answer, data) => {
  respond = () => answer;
  expect((await world.client().get<unknown>('/me', { ...config, ...accept(403, 404, 422) })).data).toEqual(data);
});

test('null accepts every status, as in axios', async () => {
  respond = () => json('422 Unprocessable', DETAILS);
  expect((await world.client().get<unknown>('/me', { validateStatus: null })).data).toEqual(DETAILS);
});

test('a refused token is refreshed first; the answer to the second call is the one that counts', async () => {
  respond = () => json('401 Unauthorized', DETAILS);
  world.tokens = ['CANARY-access-1', 'CANARY-access-2'];
  const { status, data } = await world.client().get<unknown>('/me', accept(401));
  expect({ status, data, asked: world.asked, bearers: world.bearers() }).toEqual({
    status: 401,
    data: DETAILS,
    asked: [undefined, 'CANARY-access-1'],
    bearers: ['Bearer CANARY-access-1', 'Bearer CANARY-access-2'],
  });
});

test('defaults of a client and of one made from it count, too', async () => {
  respond = () => json('422 Unprocessable', DETAILS);
  const client = world.client();
  client.defaults.validateStatus = (status) => status === 422;
  expect((await client.get('/me')).status).toBe(422);
  expect((await world.client().create(accept(422)).get('/me')).status).toBe(422);
});

test('an answer of 2xx that says it failed is an error, whatever is accepted', async () => {
  respond = () => json('200 OK', { success: false, code: 2036 });
  await expect(world.client().get('/me', { validateStatus: () => true })).rejects.toMatchObject({
    code: 'ERR_CONNECT_CONFIG',
  });
});

test('an answer that cannot be read is an error, whatever is accepted', async () => {
  respond = () => http11('x', '422 Unprocessable', 'Content-Encoding: gzip');
  await expect(world.client().get('/me', { validateStatus: () => true })).rejects.toMatchObject({
    code: 'ERR_CONNECT_RESPONSE',
    reason: 'encoded',
  });
});

test('nothing of the token is in an accepted answer, and what validateStatus throws reaches the caller', async () => {
  respond = () => json('422 Unprocessable', DETAILS);
  const answer = await world.client().get('/me', accept(422));
  expect(JSON.stringify({ ...answer, request: undefined })).not.toContain('CANARY-access');
  const thrown = new AxiosError('mine');
  const call = world.client().get('/me', {
    validateStatus: () => {
      throw new TypeError(thrown.message);
    },
  });
  await expect(call).rejects.toEqual(new TypeError('mine'));
});
