import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { packageRoot } from '../../bindings/index.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** A browser of the Chromium family: $DFMERGE_BROWSER, else one on the PATH; undefined where there is none. */
export function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const places = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [process.env.DFMERGE_BROWSER, ...places, MAC].find((path) => path !== undefined && existsSync(path));
}

/** A function as text, which runs in a page. */
const AUDIT = readFileSync(join(packageRoot(), 'test', 'support', 'page_audit.mjs'), 'utf8').replace(
  /^[^]*?(?=export)/,
  '',
);

/** How a page is shown. */
export interface View {
  /** Width of the window in CSS pixels. */
  width: number;
  height?: number;
  dark?: boolean;
}

interface Message {
  id?: number;
  method?: string;
  sessionId?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** A headless browser, spoken to in the DevTools protocol over two pipes. */
export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  #last = 0;

  constructor(path: string) {
    this.#profile = mkdtempSync(join(tmpdir(), 'dfmerge-browser-'));
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'];
    this.#child = spawn(path, [...flags, '--remote-debugging-pipe', `--user-data-dir=${this.#profile}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    (this.#child.stdio[4] as Readable).setEncoding('utf8').on('data', (data: string) => {
      const texts = (rest + data).split('\0');
      rest = texts.pop() ?? '';
      for (const text of texts) {
        const message = JSON.parse(text) as Message;
        if (message.id === undefined) for (const listener of this.#listeners) listener(message);
        else this.#waiting.get(message.id)?.(message);
      }
    });
    this.#child.on('exit', () => {
      for (const answer of this.#waiting.values()) answer({ error: { message: 'the browser has ended' } });
    });
  }

  /** Calls a method of the protocol. Errors: what the browser says. */
  async call(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    const message = await new Promise<Message>((resolve) => {
      this.#waiting.set(id, resolve);
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
    this.#waiting.delete(id);
    if (message.error) throw new Error(`${method}: ${message.error.message}`);
    return message.result ?? {};
  }

  /** Opens a file in a page of its own. */
  async open(url: string, view: View): Promise<Page> {
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, { session: sessionId as string, target: targetId as string });
    let loaded = () => {};
    const load = new Promise<void>((resolve) => (loaded = resolve));
    const listener = (message: Message) => {
      if (message.sessionId !== sessionId) return;
      if (message.method === 'Page.loadEventFired') loaded();
      page.note(message.method ?? '', message.params ?? {});
    };
    this.#listeners.add(listener);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.call(`${domain}.enable`);
    await page.show(view);
    await page.call('Page.navigate', { url });
    await load;
    return page;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.on('exit', resolve));
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A page in a browser. */
export class Page {
  /** What the console and the browser's log complained of, and what the page asked the network for. */
  readonly complaints: string[] = [];
  readonly requests: string[] = [];

  constructor(
    private readonly browser: Browser,
    private readonly ids: { session: string; target: string },
  ) {}

  call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.browser.call(method, params, this.ids.session);
  }

  note(method: string, params: Record<string, unknown>): void {
    if (method === 'Network.requestWillBeSent') this.requests.push((params.request as { url: string }).url);
    else if (/^Log\.entryAdded$|^Runtime\.(consoleAPICalled|exceptionThrown)$/.test(method))
      this.complaints.push(JSON.stringify(params));
  }

  /** Changes the window and the colour scheme. */
  async show({ width, height = 900, dark = false }: View): Promise<void> {
    const size = { width, height, deviceScaleFactor: 1, mobile: false };
    await this.call('Emulation.setDeviceMetricsOverride', size);
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.call('Emulation.setEmulatedMedia', { features });
  }

  /** The value of an expression in the page, through JSON. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.call('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** What is wrong with the page as it is shown, in sentences. */
  audit(): Promise<string[]> {
    return this.evaluate(`(${AUDIT.replace('export function', 'function')})()`);
  }

  /** A PNG of the whole page. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.call('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(data as string, 'base64');
  }

  async close(): Promise<void> {
    await this.browser.call('Target.closeTarget', { targetId: this.ids.target });
  }
}
