import { existsSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { ConnectError, type ConnectErrorCode } from '../../../src';
import { DOCUMENTS, anchors, prose, root } from './markdown';
import { ERROR_CODES } from './names';

/** Where the links and pictures of a document lead, addresses of the web left out. */
function targets(document: string): readonly string[] {
  const text = prose(document).replace(/`[^`]*`/gu, '');
  return [...text.matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/gu)]
    .map(([, target = '']) => target)
    .filter((target) => !/^(?:https?|mailto):/u.test(target));
}

test.each(DOCUMENTS)('every link of %s leads to a file that exists, and to a heading or mark in it', (document) => {
  const broken = targets(document).filter((target) => {
    const [path = '', anchor] = target.split('#');
    const aim = path === '' ? document : posix.normalize(posix.join(dirname(document), path));
    if (!existsSync(join(root, aim))) return true;
    return anchor !== undefined && !anchors(aim).has(anchor);
  });
  expect(broken).toEqual([]);
});

test('the documents are linked with each other: README or a page that it links to leads to every one', () => {
  const seen = new Set(['README.md']);
  for (const document of seen) {
    for (const target of targets(document)) {
      const [path = ''] = target.split('#');
      const aim = posix.normalize(posix.join(dirname(document), path));
      if (DOCUMENTS.includes(aim)) seen.add(aim);
    }
  }
  expect(DOCUMENTS.filter((document) => !seen.has(document))).toEqual([]);
});

test.each(ERROR_CODES)(
  'the message of %s names its section of docs/errors.md, which the package brings along',
  (code) => {
    const { message } = new ConnectError(code);
    expect(message).toMatch(/[.!?] See express-connect-auth\/docs\/errors\.md#[a-z_]+\.$/u);
    const anchor = /#([a-z_]+)\.$/u.exec(message)?.[1] ?? '';
    expect({ anchor, isInErrors: anchors('docs/errors.md').has(anchor) }).toEqual({
      anchor: code.toLowerCase(),
      isInErrors: true,
    });
  },
);

test('a message of its own goes before that, closed by a full stop; one about options says all by itself', () => {
  const own = (code: ConnectErrorCode, message: string): string => new ConnectError(code, { message }).message;
  expect(own('ERR_CONNECT_STATE', 'Do this.')).toBe(
    'Do this. See express-connect-auth/docs/errors.md#err_connect_state.',
  );
  expect(own('ERR_CONNECT_FORBIDDEN', 'not on the list')).toBe(
    'not on the list. See express-connect-auth/docs/errors.md#err_connect_forbidden.',
  );
  expect(own('ERR_CONNECT_OPTIONS', 'scope (expected a list).')).toBe('scope (expected a list).');
});
