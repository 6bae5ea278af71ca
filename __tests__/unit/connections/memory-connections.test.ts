import { inspect } from 'node:util';
import type { ConnectionStore } from '../../../src/connections/connection-store';
import { isMemoryConnections, memoryConnections } from '../../../src/connections/memory-connections';
import { readKeyRing } from '../../../src/session/seal';
import { connectionStoreConformance } from '../../../src/testing';

describe('connections in memory', () => {
  const cases = connectionStoreConformance(() => ({ store: memoryConnections() }));
  test.each(cases)('$name', ({ run }) => run());
});

test('each store has one key of its own, which connectAuth() takes, and nobody sees', () => {
  const [one, two] = [memoryConnections(), memoryConnections()];
  expect(readKeyRing(one.encryptionKeys)).toEqual([
    { id: 'memory', secret: expect.stringMatching(/^[\w+/]{43}=$/u) as unknown },
  ]);
  const [key, other] = [one, two].map(({ encryptionKeys }) => encryptionKeys?.[0]?.secret);
  expect(key).not.toBe(other);
  expect(Object.keys(one)).toEqual(['load', 'save', 'remove']);
  expect(inspect(one) + JSON.stringify(one)).not.toContain(key);
});

test.each(['enumerable', 'get'])('nor where Object.prototype has been given a member %s', (name) => {
  Object.defineProperty(Object.prototype, name, { value: () => true, configurable: true });
  let store: ConnectionStore;
  try {
    store = memoryConnections();
  } finally {
    Reflect.deleteProperty(Object.prototype, name);
  }
  expect(Object.keys(store)).toEqual(['load', 'save', 'remove']);
});

test('stores know nothing of each other', async () => {
  const [one, two] = [memoryConnections(), memoryConnections()];
  await one.save('key', 'record', undefined);
  expect(await two.load('key')).toBeUndefined();
});

test('a version is random: it cannot be met again, whatever is saved', async () => {
  const store = memoryConnections();
  const versions = new Set<string | undefined>();
  for (let at = 0; at < 100; at += 1) versions.add(await store.save(`key ${at}`, 'record', undefined));
  expect(versions.size).toBe(100);
  for (const version of versions) expect(version).toMatch(/^[\w-]{22}$/u);
});

test('neither the store, nor its keys, nor what it gives can be changed', async () => {
  const store = memoryConnections();
  await store.save('key', 'record', undefined);
  const frozen = [store, store.encryptionKeys, store.encryptionKeys?.[0], await store.load('key')];
  expect(frozen.map((value) => Object.isFrozen(value))).toEqual([true, true, true, true]);
});

test('it is known as one that ends with the process; a store around it, or a copy, is not', () => {
  const store = memoryConnections();
  const around: ConnectionStore = { load: store.load, save: store.save, remove: store.remove };
  expect([store, memoryConnections(), around, { ...store }].map(isMemoryConnections)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
