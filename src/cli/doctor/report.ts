import { wrap, type Paint, type Style } from '../terminal';
import { CHECKS, type Finding, type Verdict } from './finding';

/** How a report looks. */
export interface Looks {
  readonly paint: Paint;
  /** Columns. */
  readonly width: number;
}

type Counts = Readonly<Record<Verdict, number>>;

const STYLES: Readonly<Record<Verdict, Style>> = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' };
/** Two spaces, the verdict, two spaces. */
const INDENT = 8;
/** CONNECT_CLIENT_AUTHENTICATION is the longest variable. */
const WIDEST_SUBJECT = 29;

/** Whether nothing failed. */
export function isSound(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== 'fail');
}

/** The report for people: a line a finding, and below it what to do. */
export function textReport(findings: readonly Finding[], { paint, width }: Looks): string {
  const groups = [...new Set(Object.values(CHECKS))]
    .map((title) => ({ title, group: findings.filter(({ check }) => CHECKS[check] === title) }))
    .filter(({ group }) => group.length > 0)
    .map(({ title, group }) => {
      const lengths = group.map(({ subject }) => subject.length).filter((length) => length <= WIDEST_SUBJECT);
      const column = Math.max(...lengths, 0);
      return [paint('bold', title), ...group.flatMap((finding) => findingLines(finding, column, { paint, width }))];
    });
  return `${groups.map((lines) => lines.join('\n')).join('\n\n')}\n\n${conclusion(countsOf(findings), paint)}\n`;
}

/** The report for machines; its shape is promised in `--help`. */
export function jsonReport(findings: readonly Finding[]): string {
  return `${JSON.stringify({ version: 1, ok: isSound(findings), counts: countsOf(findings), findings }, undefined, 2)}\n`;
}

function findingLines({ subject, verdict, text, cure }: Finding, column: number, { paint, width }: Looks): string[] {
  const start = Math.max(column, subject.length) + 2;
  // Behind a long name little room is left: then the text begins below it.
  const below = INDENT + start > width * 0.6;
  const hanging = ' '.repeat(below ? INDENT : INDENT + start);
  const body = wrap(text, width - hanging.length)
    .map((line) => hanging + line)
    .join('\n');
  const head = `  ${paint(STYLES[verdict], verdict.padEnd(4))}  ${subject.padEnd(column)}`;
  return [...(below ? [head, body] : [`${head}  ${body.trimStart()}`]), ...cureLines(cure, width)];
}

function cureLines(cure: string | undefined, width: number): string[] {
  if (cure === undefined) return [];
  return wrap(cure, width - INDENT - 3).map(
    (line, index) => `${' '.repeat(INDENT)}${index === 0 ? '->' : '  '} ${line}`,
  );
}

function conclusion({ fail, warn, skip }: Counts, paint: Paint): string {
  const unseen = skip === 0 ? '' : `, ${skip} not looked at`;
  if (fail > 0) return paint('red', `${plural(fail, 'failure')}, ${plural(warn, 'warning')}${unseen}.`);
  if (warn > 0) return paint('yellow', `Nothing failed, ${plural(warn, 'warning')}${unseen}.`);
  return paint('green', `Nothing wrong found${unseen}.`);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function countsOf(findings: readonly Finding[]): Counts {
  const count = (verdict: Verdict): number => findings.filter((finding) => finding.verdict === verdict).length;
  return { ok: count('ok'), warn: count('warn'), fail: count('fail'), skip: count('skip') };
}
