import type { Request } from 'express';
import { isForeignFrame, isNavigation, isPart, isPrefetch } from '../../../src/web/request-kind';
import { sentHeader } from '../../../src/web/sent-header';

const sent = (headers: Readonly<Record<string, unknown>>): Request =>
  ({ method: 'GET', headers }) as unknown as Request;

afterEach(() => {
  for (const name of ['purpose', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site'])
    Reflect.deleteProperty(Object.prototype, name);
});

test.each([
  ['as it was sent', 'navigate', 'navigate'],
  ['with all values of one that adapters give as a list', ['same-origin', 'cross-site'], 'same-origin,cross-site'],
  ['empty', '', ''],
  ['as absent where an adapter gives null', null, undefined],
])('a header is read %s', (_words, value, read) => {
  expect(sentHeader(sent({ 'x-header': value }), 'x-header')).toBe(read);
});

test('headers on a polluted Object.prototype were not sent', () => {
  Object.assign(Object.prototype, {
    purpose: 'prefetch',
    'sec-fetch-dest': 'iframe',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': 'cross-site',
  });
  const req = sent({ host: 'app.example' });
  expect([isPrefetch, isNavigation, isForeignFrame, isPart].map((judge) => [judge.name, judge(req)])).toEqual([
    ['isPrefetch', false],
    ['isNavigation', false],
    ['isForeignFrame', false],
    ['isPart', false],
  ]);
});
