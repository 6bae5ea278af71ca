import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanup } from '../../support/cleanup';

const root = join(__dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const { scripts, version, engines } = JSON.parse(read('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly version: string;
  readonly engines: { readonly node: string };
};
const forms = readdirSync(join(root, '.github/ISSUE_TEMPLATE')).map((name) => `.github/ISSUE_TEMPLATE/${name}`);
const workflows = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`);

test.each([...workflows, ...forms, '.github/pull_request_template.md', '.ci/run'])(
  'what %s runs or names exists',
  (path) => {
    const text = read(path);
    const commands = [...text.matchAll(/\bnpm run (?:--silent )?([\w:]+)/gu)].map(([, name = '']) => name);
    expect(commands.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
    const files = text.match(/(?<![\w/.])(?:docs|scripts|\.ci)\/[\w./-]*\w|\b[A-Z]+\.md\b/gu) ?? [];
    expect(files.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  },
);

test('whoever reports how the provider answers is asked for what the doctor prints, and told what never to paste', () => {
  const form = read('.github/ISSUE_TEMPLATE/how-my-provider-answers.yml');
  expect(form).toContain('npx express-connect-auth doctor --json');
  const forbidden = /\*\*Never paste\*\*(.+)/u.exec(form)?.[1] ?? '';
  const secrets = [
    'client secret',
    'access token key',
    'access or refresh token',
    'code',
    'state',
    'cookie',
    'callback',
  ];
  expect(secrets.filter((name) => !forbidden.includes(name))).toEqual([]);
  // Not from README, whose links work in the installed package, too.
  expect(read('docs/provider.md')).toContain('.github/ISSUE_TEMPLATE/how-my-provider-answers.yml)');
});

test('what scripts and benchmarks load from dist is compiled from a file that exists', () => {
  const programs = ['scripts', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.mjs') && !name.includes('node_modules'))
      .map((name) => `${folder}/${name}`),
  );
  const loaded = programs.flatMap((path) => [...read(path).matchAll(/'(?:\.\.\/)+dist\/([\w/-]+)\.js'/gu)]);
  expect(loaded.length).toBeGreaterThan(3);
  expect(loaded.map(([, name = '']) => name).filter((name) => !existsSync(join(root, `src/${name}.ts`)))).toEqual([]);
});

test.each(workflows)('every action of %s is named by its commit, with the version beside it', (path) => {
  const actions = [...read(path).matchAll(/uses: (.+)/gu)].map(([, action = '']) => action);
  expect(actions.length).toBeGreaterThan(0);
  expect(actions.filter((action) => !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/u.test(action))).toEqual([]);
});

test('the job that may publish runs no code but npm and gh, and what is built is built without install scripts', () => {
  const jobs = read('.github/workflows/release.yml').split(/\n {2}(?=\w+:\n)/u);
  const [publishing, ...others] = jobs.filter((job) => job.includes('id-token: write'));
  expect({ publishes: publishing?.startsWith('publish:'), others }).toEqual({ publishes: true, others: [] });
  expect(publishing).not.toMatch(/checkout@|npm (?:ci|run|pack)\b|scripts\//u);
  expect(publishing).toContain('npm publish ./release/*.tgz --ignore-scripts');
  const building = jobs.find((job) => job.startsWith('build:'));
  expect(building).toContain('npm ci --ignore-scripts');
  expect(building).toContain('npm run prepack\n');
  expect(building).toContain('npm pack --ignore-scripts');
});

test('the workflow runs every test, from the oldest Node that the package takes', () => {
  const text = read('.github/workflows/ci.yml');
  const nodes = /node: \[(.+)\]/u.exec(text)?.[1]?.split(', ') ?? [];
  expect(`>=${nodes[0]}`).toBe(engines.node);
  expect(text).toContain('run: npm run test:all\n');
  expect(scripts['test:all']).not.toMatch(/selectProjects|ignoreProjects/u);
});

test('the workflow installs what .ci/run installs', () => {
  const needed = [...read('.ci/run').matchAll(/missing\+=\((.+)\)/gu)].flatMap(([, names = '']) => names.split(' '));
  const installed = /--no-install-recommends (.+)/u.exec(read('.github/workflows/ci.yml'))?.[1]?.split(' ') ?? [];
  // Node comes with the image.
  expect([...installed].sort()).toEqual(needed.filter((name) => !['nodejs', 'npm'].includes(name)).sort());
});

test('the notes of a release are the section of CHANGELOG.md, and a version without one has none', () => {
  const notes = (wanted: string): readonly [number | null, string] => {
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts/release-notes.mjs'), wanted], {
      encoding: 'utf8',
    });
    return [status, stdout];
  };
  const [status, text] = notes(version);
  expect({
    status,
    isInChangelog: read('CHANGELOG.md').includes(text.trim()),
    hasNextSection: text.includes('\n## '),
    isLong: text.length > 100,
  }).toEqual({ status: 0, isInChangelog: true, hasNextSection: false, isLong: true });
  expect(notes('999.0.0')).toEqual([1, '']);
});

describe('a commit says why', () => {
  /** A repository with these messages, the oldest first; a merge brings a branch with it. */
  function repository(...messages: readonly string[]): string {
    const folder = mkdtempSync(join(tmpdir(), 'commits-'));
    cleanup(() => rmSync(folder, { recursive: true, force: true }));
    const git = (...args: readonly string[]): void => {
      const who = ['-c', 'user.name=A', '-c', 'user.email=a@b.example', '-c', 'commit.gpgsign=false'];
      const { status, stderr } = spawnSync('git', [...who, ...args], { cwd: folder, encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
    };
    git('init', '-q', '-b', 'main');
    for (const message of messages) {
      if (!message.startsWith('Merge')) git('commit', '-q', '--allow-empty', '-m', message);
      else {
        git('checkout', '-q', '-b', 'side', 'HEAD~1');
        git('commit', '-q', '--allow-empty', '-m', 'feat: on the side\n\nBecause.');
        git('checkout', '-q', 'main');
        git('merge', '-q', '--no-ff', '-m', message, 'side');
      }
    }
    return folder;
  }

  function judged(cwd: string, base: string): { readonly status: number | null; readonly named: readonly string[] } {
    const script = join(root, 'scripts/commit-bodies.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, base, 'HEAD'], { cwd, encoding: 'utf8' });
    return { status, named: [...stderr.matchAll(/^[0-9a-f]{7,} (.+)$/gmu)].map(([, subject = '']) => subject) };
  }

  const silent = 'chore: before';
  const reason = 'feat: first\n\nBecause of this.';
  const signed = '\n\nSigned-off-by: A <a@b.example>';

  test('one without a body, or with nothing but who signed it, is named', () => {
    const folder = repository(silent, reason, 'fix: second', `fix: third${signed}`);
    expect(judged(folder, 'HEAD~3')).toEqual({ status: 1, named: ['fix: third', 'fix: second'] });
  });

  test('merges, and what is older, may be silent', () => {
    expect(judged(repository(silent, `${reason}${signed}`, 'Merge side'), 'HEAD~2')).toEqual({ status: 0, named: [] });
  });

  test('the last one counts where nobody knows what came before', () => {
    const nothing = '0'.repeat(40);
    expect(judged(repository(silent, reason), nothing)).toEqual({ status: 0, named: [] });
    expect(judged(repository(reason, silent), nothing)).toEqual({ status: 1, named: [silent] });
  });

  test('the workflow looks at what a push or a pull request brings', () => {
    const workflow = read('.github/workflows/ci.yml');
    expect(workflow).toContain('run: node scripts/commit-bodies.mjs "$BASE" "$HEAD"\n');
    expect(workflow).toContain('BASE: ${{ github.event.pull_request.base.sha || github.event.before }}\n');
    expect(workflow).toContain('HEAD: ${{ github.event.pull_request.head.sha || github.sha }}\n');
  });
});
