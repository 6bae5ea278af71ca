import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import NpmFormData from 'form-data';
import { apiWorld, ok, type ApiWorld } from '../../support/api-world';

let world: ApiWorld;
beforeEach(async () => {
  world = await apiWorld((socket) => socket.write(ok()));
});

async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'sent',
    (error: unknown) => error,
  );
}

const BODY_REFUSED = { code: 'ERR_CONNECT_CONFIG', status: 500, reason: 'body', stage: 'api' };

function expectRefused(refusal: unknown): void {
  expect(refusal).toMatchObject(BODY_REFUSED);
  expect((refusal as Error).message).toMatch(/global FormData.*fs\.openAsBlob.*base64/);
  expect({ asked: world.asked.length, requests: world.server.requests.length }).toEqual({ asked: 0, requests: 0 });
}

/** A form of another make than Node's: of a package, or of another realm. */
class ForeignForm {
  get [Symbol.toStringTag](): string {
    return 'FormData';
  }
  append(): void {
    // Holds nothing.
  }
}

function npmForm(): NpmFormData {
  const form = new NpmFormData();
  form.append('file', Readable.from(['bytes']), 'a.txt');
  return form;
}

/** What can be read once only, or is a form that Node cannot write. */
const UNSENDABLE: readonly (readonly [string, () => unknown])[] = [
  ['a stream of Node', () => Readable.from(['bytes'])],
  ['a duplex stream', () => new PassThrough()],
  ['a stream of the web', () => new Blob(['bytes']).stream()],
  ['a stream of old', () => ({ pipe: () => undefined })],
  ['an async iterable', () => ({ async *[Symbol.asyncIterator]() {} })],
  ['a form of npm form-data', npmForm],
  ['a form of another make', () => new ForeignForm()],
];

describe.each(UNSENDABLE)('%s', (_what, make) => {
  test.each<[string, (value: unknown) => Promise<unknown>]>([
    ['as the body', (value) => world.client().post('/me', value)],
    ['as the body of postForm', (value) => world.client().postForm('/me', value)],
    ['in the object of postForm', (value) => world.client().postForm('/me', { file: value })],
    ['in a list of postForm', (value) => world.client().postForm('/me', { files: ['a', value] })],
    ['in JSON', (value) => world.client().post('/me', { a: [{ file: value }] })],
    [
      'in an object as a form',
      (value) =>
        world
          .client()
          .post('/me', { a: { file: value } }, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }),
    ],
    ['left by a transformRequest', (value) => world.client().post('/me', {}, { transformRequest: [() => value] })],
  ])('%s is refused before anything is sent, and the cure is said', async (_where, post) => {
    expectRefused(await refusalOf(post(make())));
  });
});

test.each<[string, (value: string) => unknown]>([
  ['FormData', (text) => [new FormData()].map((form) => (form.append('file', text), form))[0]],
  ['URLSearchParams', (text) => new URLSearchParams({ file: text })],
])('a stream that %s has turned into words is refused', async (_what, make) => {
  for (const value of [Readable.from(['x']), new Blob(['x']).stream(), npmForm(), { a: 1 }]) {
    const refusal = await refusalOf(world.client().post('/me', make(value as unknown as string)));
    expectRefused(refusal);
  }
});

test.each<[string, unknown]>([
  ['a Blob in JSON, which would be {}', { file: new Blob(['x']) }],
  ['FormData in JSON, which would be {}', { form: new FormData() }],
])('%s is refused', async (_what, body) => {
  expectRefused(await refusalOf(world.client().post('/me', body)));
});

describe.each<[string, () => unknown]>([
  ['a Map', () => new Map([['a', 1]])],
  ['a Set', () => new Set(['a'])],
  ['a promise', () => Promise.resolve('a')],
  ['a Response', () => new Response('a')],
  ['a Request', () => new Request('http://localhost/')],
  ['headers', () => new Headers({ a: 'b' })],
  ['an Error', () => new Error('a')],
  ['a generator', () => [1].values()],
])('%s, of which JSON would leave {}', (_what, make) => {
  test.each<[string, (value: unknown) => Promise<unknown>]>([
    ['as the body', (value) => world.client().post('/me', value)],
    ['in JSON', (value) => world.client().post('/me', { a: [value] })],
    ['in the object of postForm', (value) => world.client().postForm('/me', { a: value })],
  ])('%s is refused', async (_where, post) => {
    expectRefused(await refusalOf(post(make())));
  });
});

const FORM = { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } };

describe.each<[string, () => unknown]>([
  ['an ArrayBuffer', () => new ArrayBuffer(3)],
  ['a DataView', () => new DataView(new ArrayBuffer(3))],
  ['a typed array', () => new Uint8Array([1, 2])],
  ['an empty typed array', () => new Float32Array(0)],
])('%s, which JSON has no form for', (_what, make) => {
  test.each<[string, (value: unknown) => Promise<unknown>]>([
    ['in an object', (value) => world.client().post('/me', { a: value })],
    ['in a list', (value) => world.client().post('/me', [value])],
    ['given by toJSON', (value) => world.client().post('/me', { a: { toJSON: () => value } })],
    ['in JSON of a form', (value) => world.client().postForm('/me', { 'a{}': { b: value } })],
  ])('%s is refused', async (_where, post) => {
    expectRefused(await refusalOf(post(make())));
  });
});

class Profile {
  name = 'a';
}

/** What a form would take for text, `[object …]`. */
describe.each<[string, () => unknown]>([
  ['a DataView', () => new DataView(new ArrayBuffer(3))],
  ['an object of a class', () => new Profile()],
  ['a stream', () => Readable.from(['bytes'])],
])('%s, of which a form would make text', (_what, make) => {
  test.each<[string, (value: unknown) => Promise<unknown>]>([
    ['in the object of postForm', (value) => world.client().postForm('/me', { a: value })],
    ['in a list of postForm', (value) => world.client().postForm('/me', { a: ['a', value] })],
    ['in an object as a form', (value) => world.client().post('/me', { a: value }, FORM)],
    ['in a list as a form', (value) => world.client().post('/me', { a: ['a', value] }, FORM)],
  ])('%s is refused', async (_where, post) => {
    expectRefused(await refusalOf(post(make())));
  });
});

test.each<[string, (text: string) => Promise<unknown>]>([
  ['in JSON', (text) => world.client().post('/me', { text })],
  ['in the object of postForm', (text) => world.client().postForm('/me', { text })],
  ['in an object as a form', (text) => world.client().post('/me', { text, list: [text] }, FORM)],
])('text of a visitor that reads like an object is sent: %s', async (_where, post) => {
  await post('[object Promise]');
  expect(decodeURIComponent(world.server.requests[0]?.body.replaceAll('+', ' ') ?? '')).toContain('[object Promise]');
});

test('what JSON changes or leaves out by itself is sent as JSON has it', async () => {
  await world.client().post('/me', { number: NaN, list: [() => 1, undefined], left: undefined, out: () => 1 });
  expect(world.server.requests[0]?.body).toBe('{"number":null,"list":[null,null]}');
});

test('of an object of a class JSON has what can be listed', async () => {
  class Hidden {
    readonly #secret = 'a';
    get secret(): string {
      return this.#secret;
    }
  }
  await world.client().post('/me', [new Profile(), new Hidden()]);
  expect(world.server.requests[0]?.body).toBe('[{"name":"a"},{}]');
});

test('what JSON writes by itself is sent', async () => {
  const held = {
    date: new Date(0),
    number: new Number(1),
    text: new String('a'),
    own: Object.create({}) as object,
    bytes: Buffer.from('a'),
  };
  await world.client().post('/me', held);
  expect(world.server.requests[0]?.body).toBe(
    '{"date":"1970-01-01T00:00:00.000Z","number":1,"text":"a","own":{},"bytes":{"type":"Buffer","data":[97]}}',
  );
});

test('a stream that is refused has not been read, and is left to its owner', async () => {
  const file = createReadStream(__filename);
  expectRefused(await refusalOf(world.client().postForm('/me', { file })));
  expect({ bytesRead: file.bytesRead, destroyed: file.destroyed }).toEqual({ bytesRead: 0, destroyed: false });
  file.destroy();
});

test('the cure works: a file as a Blob, bytes and text in a form', async () => {
  await world.client().postForm('/me', {
    file: new Blob(['of a file']),
    bytes: Buffer.from('of bytes'),
    more: new TextEncoder().encode('of a buffer').buffer,
    text: 'words',
  });
  const body = world.server.requests[0]?.body;
  expect(body).toMatch(/name="file"[^]*of a file[^]*name="bytes"[^]*of bytes[^]*name="text"\r\n\r\nwords\r\n/);
});
