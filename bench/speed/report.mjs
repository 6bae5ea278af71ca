// The figures as Markdown.
import os from 'node:os';
import { CONTENDERS } from '../peers/list.mjs';
import { versions } from './peers.mjs';
import { AT_ONCE } from './sign-in.mjs';

const line = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
const spread = ({ low, median, high }, digits) =>
  `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;

/** Where and how these figures came about. */
export function circumstances({ quick, pairs }) {
  return {
    versions: versions(),
    node: process.version,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    load: os.loadavg().map((value) => Number(value.toFixed(2))),
    pairs,
    quick,
  };
}

export function markdown({ about, results, seconds }) {
  const { node, cores, load, pairs, quick, runs = 1, versions: names } = about;
  return [
    `Node ${node}, ${cores} cores, load ${load.join(' ')} at the beginning, ${pairs} pairs, ${seconds} s. ` +
      `Medians, in brackets the quartiles${runs > 1 ? `; of each the median of ${runs} runs` : ''}.`,
    '',
    `${Object.entries(names)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    ...(quick ? ['', 'A quick run: these figures mean nothing.'] : []),
    '',
    ...Object.entries(results).flatMap(([part, rows]) => SECTIONS[part](rows)),
  ].join('\n');
}

const SECTIONS = {
  'sign-in': (rows) => [
    '## Sign-in',
    '',
    'CPU time of the app per whole sign-in, as a ratio to the flow by hand in the same second; the rest at 32 at once.',
    '',
    ...table(
      [
        '',
        ...AT_ONCE.map((count) => `${count} at once`),
        'without the kernel',
        'CPU µs',
        'abandoned: characters in the store',
      ],
      rows.map(({ name, ratios, documentCharacters }) => [
        name,
        ...AT_ONCE.map((count) => spread(ratios[count].ratio, 2)),
        spread(ratios[32].userRatio, 2),
        spread(ratios[32].microseconds, 0),
        documentCharacters || '–',
      ]),
    ),
    ...table(
      ['', 'does not do, wired so', 'does besides'],
      rows.map(({ name }) => {
        const { lacks, adds = [] } = CONTENDERS.find((one) => one.name === name);
        return [name, lacks.join(', '), adds.join(', ')];
      }),
    ),
  ],
  middleware: (rows) => [
    '## Inside the middleware on a route that is not ours',
    '',
    ...table(
      ['connected visitor', 'CPU µs'],
      rows.map(({ name, microseconds }) => [name, spread(microseconds, 2)]),
    ),
  ],
  calls: (rows) => [
    '## Token and API calls',
    '',
    ...table(
      ['', 'CPU', ''],
      rows.map(({ name, unit, value }) => [name, spread(value, 2), unit]),
    ),
  ],
  storm: (rows) => [
    '## Refresh storm',
    '',
    ...table(
      [
        '',
        'requests at once',
        'calls of the provider, each round',
        'ledger operations while valid',
        'p99 ms, valid',
        'p99 ms, expired',
        'of these the provider',
      ],
      rows.map((row) => [
        row.name,
        row.requests,
        row.refreshes.join(', '),
        row.commandsWhileValid.join(', '),
        spread(row.validMs, 0),
        spread(row.expiredMs, 0),
        row.latencyMs,
      ]),
    ),
  ],
  memory: (rows) => [
    '## Memory beyond the session document',
    '',
    ...table(
      ['sign-ins', 'bytes each'],
      rows.map(({ name, bytes }) => [name, bytes.toFixed(0)]),
    ),
  ],
  imports: (rows) => [
    '## Cold starts',
    '',
    ...table(
      ['', 'ms'],
      rows.map(({ name, milliseconds }) => [name, spread(milliseconds, 1)]),
    ),
  ],
  growth: (rows) => [
    '## Growth',
    '',
    ...table(
      ['CPU time', 'ratio'],
      rows.map(({ name, ratio }) => [name, spread(ratio, 2)]),
    ),
  ],
};
