import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModuleKind, ScriptTarget, transpile } from 'typescript';

const NOW = Date.UTC(2030, 0, 1) / 1000;
const NOW_MS = NOW * 1000;

test('the zone of the server makes no difference', () => {
  // A process of its own: the zone of a running one cannot be relied on to change.
  const source = readFileSync(join(__dirname, '../../../src/provider/token/expiry.ts'), 'utf8');
  const script = `${transpile(source, { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 })}
    console.log(new Date(0).getHours(), exports.readExpiry({ expires_at: '2030-01-01T01:00:00' }, ${NOW_MS}));`;
  const output = execFileSync(process.execPath, ['-e', script], { env: { TZ: 'Asia/Tokyo' }, encoding: 'utf8' });
  expect(output.trim()).toBe(`9 ${NOW + 3600}`);
});
