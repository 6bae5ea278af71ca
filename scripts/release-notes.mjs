// Prints the section of one version from CHANGELOG.md: node scripts/release-notes.mjs 1.2.3
// Exits with 1 when there is none, or it says nothing.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const version = process.argv[2] ?? '';
const text = readFileSync(fileURLToPath(new URL('../CHANGELOG.md', import.meta.url)), 'utf8');
const sections = text
  .split(/^## /mu)
  .slice(1)
  .map((section) => {
    const [heading = '', ...lines] = section.split('\n');
    return { name: /^\[?([^\]\s]+)\]?/u.exec(heading)?.[1], notes: lines.join('\n').trim() };
  });
const notes = sections.find(({ name }) => name === version)?.notes ?? '';
if (notes === '') {
  console.error(`CHANGELOG.md says nothing of version "${version}".`);
  process.exitCode = 1;
} else {
  console.log(notes);
}
