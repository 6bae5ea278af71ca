// The browsers: each has its own cookies, all share sockets that are kept. What it costs is not measured.
import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { answering, ready } from './answering.mjs';

const PAGE = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
const agent = new http.Agent({ keepAlive: true, scheduling: 'fifo' });
/** Browsers that have been somewhere already, by name of the group. */
const groups = new Map();

/** One request; redirects are not followed. */
function request(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const sent = http.request(url, { method, headers: { ...PAGE, ...headers }, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function browser() {
  const cookies = new Map();

  function keep(header) {
    const [pair, ...attributes] = header.split(';');
    const [, name, value] = /^\s*([^=]+)=(.*)$/su.exec(pair);
    const isOver = attributes.some((attribute) => {
      const [key, text = ''] = attribute.trim().split('=');
      return (
        (/^max-age$/iu.test(key) && Number(text) <= 0) || (/^expires$/iu.test(key) && Date.parse(text) <= Date.now())
      );
    });
    if (isOver) cookies.delete(name);
    else cookies.set(name, value);
  }

  const cookie = () => Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; ');
  async function visit(url, { headers = {}, ...rest } = {}) {
    const own = cookies.size === 0 ? headers : { ...headers, cookie: cookie() };
    const answer = await request(url, { ...rest, headers: own });
    for (const header of answer.headers['set-cookie'] ?? []) keep(header);
    return answer;
  }

  return { visit, cookie };
}

/** @returns the address at the provider */
async function begin({ visit }, { origin, begin: { path, csrf } }) {
  const started = csrf === undefined ? await visit(origin + path) : await beginByForm(visit, origin, path, csrf);
  if (started.status !== 302) throw new Error(`${path} answered ${started.status}: ${started.body}`);
  return started.headers.location;
}

async function beginByForm(visit, origin, path, csrf) {
  const { csrfToken } = JSON.parse((await visit(origin + csrf)).body);
  const headers = { 'content-type': 'application/x-www-form-urlencoded', origin };
  return visit(origin + path, { method: 'POST', headers, body: `csrfToken=${csrfToken}` });
}

async function signIn(visitor, site) {
  const { headers } = await request(await begin(visitor, site));
  const { status, headers: found, body } = await visitor.visit(headers.location);
  if (status !== 302 || new URL(found.location, site.origin).pathname !== site.landing)
    throw new Error(`The callback answered ${status} ${found.location}: ${body}`);
}

/** Runs `work` `count` times, so many of them at once. */
async function repeat(count, atOnce, work) {
  let left = count;
  const loop = async () => {
    while (left > 0) {
      left -= 1;
      await work(left);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, loop));
}

const timed = async (work) => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};

answering({
  signIns: ({ site, count, atOnce }) => timed(() => repeat(count, atOnce, () => signIn(browser(), site))),
  /** Sign-ins that are started and left. */
  abandon: ({ site, count, atOnce }) => timed(() => repeat(count, atOnce, () => begin(browser(), site))),
  /** One browser that signs in; `token`: the app is asked to show its token. @returns its cookies */
  async connected({ site, token }) {
    const one = browser();
    await signIn(one, site);
    if (!token) return one.cookie();
    const { status, body } = await one.visit(`${site.origin}/token`);
    if (status !== 200 || !/"at\d+\.a+"/u.test(body)) throw new Error(`No token after the sign-in: ${status} ${body}`);
    return one.cookie();
  },
  /** Browsers with a session that have started some sign-ins before. */
  async prepare({ site, group, count, started }) {
    const browsers = Array.from({ length: count }, browser);
    groups.set(group, browsers);
    await repeat(count, 16, async (index) => {
      await browsers[index].visit(`${site.origin}/visit`);
      for (let n = 0; n < started; n += 1) await begin(browsers[index], site);
    });
  },
  async signInPrepared({ site, group, atOnce }) {
    const browsers = groups.get(group);
    groups.delete(group);
    await repeat(browsers.length, atOnce, (index) => signIn(browsers[index], site));
  },
  /** Browsers that have signed in. */
  async connectAll({ site, group, count }) {
    const browsers = Array.from({ length: count }, browser);
    groups.set(group, browsers);
    await repeat(count, 16, (index) => signIn(browsers[index], site));
  },
  /** Each of them asks for its token once. */
  async tokenOfAll({ site, group, atOnce }) {
    const browsers = groups.get(group);
    await repeat(browsers.length, atOnce, async (index) => {
      const { status, body } = await browsers[index].visit(`${site.origin}/token`);
      if (status !== 200) throw new Error(`Answered ${status}: ${body}`);
    });
  },
  /** Requests at once, each over a socket of its own; over the same ones the next time. @returns milliseconds of each */
  async storm({ urls, cookie, count }) {
    const times = [];
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const begun = performance.now();
        const { status, body } = await request(urls[index % urls.length], { headers: { cookie } });
        if (status !== 200) throw new Error(`Answered ${status}: ${body}`);
        times.push(performance.now() - begun);
      }),
    );
    return times;
  },
});
ready();
