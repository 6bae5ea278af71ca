// Takes the pictures of docs/screenshots anew: npm run build:demo && node scripts/screenshots.mjs
// Needs Chromium (CHROMIUM_PATH, else chromium on the PATH), ImageMagick's convert, and a redis-server for the last one.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..');
const target = join(root, 'docs', 'screenshots');
/** Where the compiled demo is; another folder may be named. */
const demoFolder = process.argv[2] ?? join(root, 'demo-app', 'dist');
const MOST_BYTES = 60_000;
// Fewer than 200 colours would merge the white of the cards with the ground.
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 375, height: 812 };

const connected = async (page, address) => {
  await page.goto(`${address}/connect/authorize`);
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.waitForURL(`${address}/connected`);
};
const fifty = async (page, address) => {
  await connected(page, address);
  await page.getByRole('button', { name: 'Send 50 requests' }).click();
  await page.getByText('50 of 50 answered').waitFor();
};

const PICTURES = [
  ['home', 'main', 'light', DESKTOP, (page, address) => page.goto(address)],
  ['consent', 'main', 'light', PHONE, (page, address) => page.goto(`${address}/connect/authorize`)],
  ['connected', 'main', 'light', DESKTOP, connected],
  ['connected-phone', 'main', 'dark', PHONE, connected],
  ['errors', 'main', 'dark', DESKTOP, (page, address) => page.goto(`${address}/errors`)],
  [
    'error-page',
    'main',
    'dark',
    PHONE,
    (page, address) => page.goto(`${address}/connect/callback?error=access_denied&state=x`),
  ],
  ['cluster', 'cluster', 'light', DESKTOP, fifty],
];

async function startDemo(entry) {
  const child = spawn(process.execPath, [join(demoFolder, `${entry}.js`)], {
    env: { ...process.env, PORT: '0', CONNECT_CLIENT_ID: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const address = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`The demo ${entry} did not start. Run npm run build:demo first.`)));
    child.stdout.on('data', (chunk) => {
      said += chunk;
      const found = /Open +(\S+)[^]*Ctrl/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return {
    address,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

async function take(browser, address, [name, , colorScheme, viewport, visit], folder) {
  const context = await browser.newContext({ colorScheme, viewport, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await visit(page, address);
  const raw = join(folder, `${name}.png`);
  const path = join(target, `${name}.png`);
  await page.screenshot({ path: raw, fullPage: viewport !== PHONE });
  await context.close();
  execFileSync('convert', [
    raw,
    '+dither',
    '-colors',
    '200',
    '-strip',
    '-define',
    'png:compression-level=9',
    `png8:${path}`,
  ]);
  const bytes = statSync(path).size;
  console.log(`${name}.png ${Math.ceil(bytes / 1024)} KB`);
  if (bytes > MOST_BYTES) throw new Error(`${name}.png is larger than ${MOST_BYTES} bytes.`);
}

mkdirSync(target, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'screenshots-'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  for (const entry of ['main', 'cluster']) {
    const demo = await startDemo(entry);
    try {
      for (const picture of PICTURES.filter(([, from]) => from === entry))
        await take(browser, demo.address, picture, folder);
    } finally {
      await demo.stop();
    }
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
