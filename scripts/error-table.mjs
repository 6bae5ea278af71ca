// Writes the table of API codes and places in docs/errors.md from the compiled table that the package answers by:
// node scripts/error-table.mjs, after a build. `npm run docs` does it, too.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { notNow } = require('../dist/access/not-now.js');
const { API_CODE_MEANINGS, errorForApiCode } = require('../dist/provider/errors/error-table.js');
const { refreshFailure } = require('../dist/provider/token/refresh-failure.js');
const { backOff } = require('../dist/refresh/back-off.js');

const at = (apiCode, stage) => errorForApiCode(apiCode, { stage, statusByApiCode: {} });
const cell = ({ status, code }) => `${status} \`${code}\``;

/** What a visitor meets whose token has run out, once the provider has said this. */
function visitor(apiCode) {
  const error = at(apiCode, 'refresh');
  const { kind } = refreshFailure(error);
  if (kind === 'refused') return error;
  const rateLimited = error.code === 'ERR_CONNECT_RATE_LIMITED';
  const { ms, word } = backOff(kind, { attempts: 0, ambiguous: false, refusals: 0, rateLimited }, 0);
  return notNow({ kind: 'backoff', ms, word }, {});
}

const header = [
  'API code',
  'documented meaning',
  'at the exchange',
  'at the refresh',
  'visitor without a valid token',
  '`client(req)`, `connectErrorFrom`',
];
const rows = API_CODE_MEANINGS.map(([apiCode, meaning]) => [
  String(apiCode),
  meaning,
  ...[at(apiCode, 'exchange'), at(apiCode, 'refresh'), visitor(apiCode), at(apiCode, 'api')].map(cell),
]);
const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column].length)));
const line = (row, fill = ' ') => `| ${row.map((text, column) => text.padEnd(widths[column], fill)).join(' | ')} |\n`;
const table =
  line(header) +
  line(
    header.map(() => ''),
    '-',
  ) +
  rows.map((row) => line(row)).join('');

const path = fileURLToPath(new URL('../docs/errors.md', import.meta.url));
const text = readFileSync(path, 'utf8');
const written = text.replace(/^\| API code .*\n(?:\|.*\n)+/mu, () => table);
if (!written.includes(table)) throw new Error('docs/errors.md has no table of API codes');
writeFileSync(path, written);
