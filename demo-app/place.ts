import { openPort, type OpenPort } from './loopback';

const DEFAULT_PORT = 3000;
/** How many ports after a taken one are tried. */
const PORTS_TO_TRY = 20;

/** Where a demo wants to be found. */
export interface PlaceWish {
  /** @defaultValue 3000 */
  readonly wanted: number | undefined;
  /** Why no other port will do; undefined: the next free one does. */
  readonly fixed?: string | undefined;
  /** What starts this demo, for the message. */
  readonly command: string;
}

/**
 * Takes the first free port, and says so when that is not the one that was asked for.
 * @throws Error with the next step in words
 */
export async function findPlace({ wanted = DEFAULT_PORT, fixed, command }: PlaceWish): Promise<OpenPort> {
  const tries = fixed === undefined ? PORTS_TO_TRY : 1;
  for (let port = wanted; port < wanted + tries && port <= 65_535; port += 1) {
    const place = await openPort(port);
    if (place !== undefined) return place;
    say(`Port ${port} is taken${tries > 1 ? ', trying the next one' : ''}.`);
  }
  throw new Error(
    fixed === undefined
      ? `No free port from ${wanted} on. Choose another one: PORT=8080 ${command}`
      : `${fixed}, so the demo needs exactly ${wanted}. Free it and start again.`,
  );
}

/** `PORT` of the environment, if set. @throws Error when it is not a port */
export function wishedPort(): number | undefined {
  const text = process.env['PORT'] ?? '';
  if (text === '') return undefined;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new Error('PORT must be a number from 0 to 65535.');
  return port;
}

/** Prints a line. */
export function say(line: string): void {
  console.log(line);
}
