import { visit } from './visitor';

/** What an agent of supertest, or a client like it, answers. */
export interface AgentAnswer {
  /** HTTP status. */
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The body. */
  readonly text?: string | undefined;
}

/** An agent of supertest, `request.agent(app)`, or a client like it: it keeps cookies and does not follow redirects. */
export interface SignInAgent<Answer extends AgentAnswer = AgentAnswer> {
  /**
   * Sends a GET request.
   * @param path - path and query
   */
  get(path: string): PromiseLike<Answer>;
}

/** A visitor of a running app who has signed in. */
export interface SignedIn {
  /** For the header `Cookie` of further requests. */
  readonly cookie: string;
  /** Where the app has sent the browser. */
  readonly location: string;
}

/** Signs a visitor in, as a browser does whose person clicks "Allow". */
export interface SignIn {
  /**
   * With an agent of supertest.
   * @param path - where the sign-in starts. @defaultValue `'/connect/authorize'`
   * @returns the answer of the callback, a redirect
   * @throws Error that says which request failed, and what its answer was
   */
  <Answer extends AgentAnswer>(agent: SignInAgent<Answer>, path?: string): Promise<Answer>;
  /**
   * At an app that is running.
   * @param baseUrl - `http://localhost:3000`, or below it where the app has mounted connectAuth()
   * @param path - where the sign-in starts. @defaultValue `'/connect/authorize'`
   * @throws Error that says which request failed, and what its answer was
   */
  (baseUrl: string | URL, path?: string): Promise<SignedIn>;
}

const START = '/connect/authorize';

/**
 * Makes {@link SignIn} for a sandbox.
 * @param origin - of the sandbox
 * @param allow - clicks "Allow" and gives the callback address
 */
export function signInAt(origin: string, allow: (authorizationUrl: string) => Promise<string>): SignIn {
  async function signIn<Answer extends AgentAnswer>(
    who: SignInAgent<Answer> | string | URL,
    path: string = START,
  ): Promise<Answer | SignedIn> {
    if (isAgent(who)) return connect(who, path);
    const browser = browserAt(who);
    const { headers } = await connect(browser, browser.prefix + path);
    return { cookie: browser.cookie(), location: String(headers['location']) };
  }

  async function connect<Answer extends AgentAnswer>(agent: SignInAgent<Answer>, path: string): Promise<Answer> {
    const { pathname, search } = new URL(await allow(sentTo(await open(agent, path), path)));
    const back = await open(agent, pathname + search);
    if (!isRedirect(back))
      throw new Error(`GET ${pathname} was answered ${back.status}, so nobody is connected: ${wordsOf(back)}`);
    return back;
  }

  function sentTo(answer: AgentAnswer, path: string): string {
    const said = `GET ${path.replace(/\?.*$/su, '')}`;
    if (answer.status === 200 && answer.text?.includes('name="consent"') === true)
      throw new Error('This agent follows redirects by itself: let it not, as supertest does without redirects().');
    const location = String(answer.headers['location']);
    if (!isRedirect(answer) || !URL.canParse(location))
      throw new Error(`${said} was answered ${answer.status} and did not lead to this sandbox: ${wordsOf(answer)}`);
    if (new URL(location).origin === origin) return location;
    throw new Error(
      `${said} led to ${new URL(location).origin}, not to this sandbox: spread sandbox.connectOptions into connectAuth().`,
    );
  }

  return signIn;
}

/** Whatever a test in JavaScript passes. */
function isAgent<Answer extends AgentAnswer>(who: SignInAgent<Answer> | string | URL): who is SignInAgent<Answer> {
  return typeof who === 'object' && 'get' in Object(who);
}

function isRedirect({ status, headers }: AgentAnswer): boolean {
  return status >= 300 && status <= 399 && typeof headers['location'] === 'string';
}

/** As a page load, where the client can say so. */
async function open<Answer extends AgentAnswer>(agent: SignInAgent<Answer>, path: string): Promise<Answer> {
  const sent = agent.get(path) as PromiseLike<Answer> & {
    readonly set?: (name: string, value: string) => PromiseLike<Answer>;
  };
  return typeof sent.set === 'function' ? sent.set('Accept', 'text/html') : sent;
}

/** Characters of an answer that a message repeats. */
const MOST_WORDS = 400;

/** The text of a page, without its style and markup. */
function wordsOf({ text = '' }: AgentAnswer): string {
  const words = text.replace(/<(style|script|title)\b.*?<\/\1>/gsu, ' ').replace(/<[^>]*>/gu, ' ');
  const plain = words.replace(/&#(\d{1,6});/gu, (_all, code: string) => String.fromCodePoint(Number(code)));
  return plain.replace(/\s+/gu, ' ').trim().slice(0, MOST_WORDS);
}

const MISUSE = 'signIn() takes a supertest agent, or the http URL of a running app.';

/** A browser at a running app, as far as a sign-in needs one. */
function browserAt(baseUrl: string | URL): SignInAgent & { readonly prefix: string; readonly cookie: () => string } {
  const base = URL.canParse(String(baseUrl)) ? new URL(baseUrl) : undefined;
  if (base?.protocol !== 'http:') throw new TypeError(MISUSE);
  const jar = new Map<string, string>();
  const cookie = (): string => Array.from(jar, ([name, value]) => `${name}=${value}`).join('; ');
  return {
    prefix: base.pathname.replace(/\/+$/u, ''),
    cookie,
    async get(path: string): Promise<AgentAnswer> {
      const headers = { accept: 'text/html', ...(jar.size === 0 ? {} : { cookie: cookie() }) };
      const answer = await visit(new URL(path, base), { headers });
      for (const line of answer.headers['set-cookie'] ?? []) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/u.exec(line) ?? [];
        if (value === '') jar.delete(name);
        else jar.set(name, value);
      }
      return { status: answer.status, headers: answer.headers, text: answer.body };
    },
  };
}
