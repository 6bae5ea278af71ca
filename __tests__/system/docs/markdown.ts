import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The package's own folder. */
export const root = join(__dirname, '../../..');

/** Every document for people, by its path from the root. `docs/api` is generated and checked where it is made. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

/** The text of a document. */
export function read(document: string): string {
  return readFileSync(join(root, document), 'utf8');
}

/** A fenced block of code. */
export interface Block {
  readonly document: string;
  readonly language: string;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

/** Also inside a list, where the block is indented as a whole. */
const FENCED = /^( *)```([^\n]*)\n(.*?)^\1```$/gmsu;

/** The fenced blocks of a document, or those of one language, in the order of the text. */
export function blocks(document: string, language?: string): readonly Block[] {
  const text = read(document);
  const all = [...text.matchAll(FENCED)].map((match) => ({
    document,
    language: match[2] ?? '',
    text: (match[3] ?? '').replaceAll(`\n${match[1] ?? ''}`, '\n').trimStart(),
    line: text.slice(0, match.index).split('\n').length,
  }));
  return language === undefined ? all : all.filter((block) => block.language === language);
}

/** A document without its fenced blocks. */
export function prose(document: string): string {
  return read(document).replace(FENCED, '');
}

/** Cells of the rows of the table whose header starts with this cell; `\|` in a cell is no border. */
export function table(document: string, firstHeader: string): readonly (readonly string[])[] {
  const lines = read(document).split('\n');
  const start = lines.findIndex(
    (line) => line.startsWith(`| ${firstHeader} `) && line.split('|')[1]?.trim() === firstHeader,
  );
  if (start === -1) throw new Error(`${document} has no table that starts with ${firstHeader}`);
  const rest = [...lines.slice(start + 2), ''];
  return rest
    .slice(
      0,
      rest.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .split(/(?<!\\)\|/u)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What stands in the first pair of backticks of a cell. */
export function unquoted(cell = ''): string {
  return /`([^`]+)`/u.exec(cell)?.[1] ?? '';
}

/** Anchors of a document: those that GitHub gives to headings, the second of a name as `name-1`, and those set by hand. */
export function anchors(document: string): ReadonlySet<string> {
  const text = prose(document);
  const seen = new Map<string, number>();
  const ofHeadings = [...text.matchAll(/^#+ (.+)$/gmu)].map(([, title = '']) => {
    const slug = title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
  return new Set([...ofHeadings, ...[...text.matchAll(/<a id="([^"]+)">/gu)].map(([, id = '']) => id)]);
}

/** Names in a declaration of `src`, read from its source. */
export function namesIn(file: string, declaration: RegExp, member: RegExp): readonly string[] {
  const text = declaration.exec(readFileSync(join(root, 'src', file), 'utf8'))?.[1] ?? '';
  return [...text.matchAll(member)].map(([, name = '']) => name);
}
