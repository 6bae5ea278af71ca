import { readWord, writeWord } from '../../../src/refresh/outcome';

test.each([
  ['refused', { word: 'refused' }],
  ['not_sent', { word: 'not_sent' }],
  ['refused_2039', { word: 'refused', apiCode: 2039 }],
  ['rate_limited_429', { word: 'rate_limited', apiCode: 429 }],
  ['', { word: '' }],
  ['refused_', { word: 'refused_' }],
  ['refused_20395', { word: 'refused_20395' }],
])('%j is read', (text, word) => {
  expect(readWord(text)).toEqual(word);
  expect(writeWord(word)).toBe(text);
});

test('without a status of the app what a ledger keeps is as it was', () => {
  expect(writeWord({ word: 'refused', apiCode: undefined })).toBe('refused');
});
