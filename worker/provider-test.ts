import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { parse } from 'yaml';
import { providerSuite } from '../conformance/provider-suite.ts';
import type { ProviderTesting, ProviderTestOutcome, ProviderTestRequest } from '../control/provider-test.ts';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import { declaredProvider, readDeclaration, type Declaration, type DeclaredSettings } from '../providers/http.ts';
import type { Call, Target } from '../providers/provider.ts';

/** `keybaton provider test`: the conformance kit over a declaration and an address. */
export const providerTesting: ProviderTesting = {
  // Every adapter is loaded for it: only where it is asked.
  ships: async (name) => Object.hasOwn((await import('../providers/registry.ts')).providers, name),

  read: async (file) => ({ name: (await declarationOf(file)).name }),

  async run(request) {
    const declaration = await declarationOf(request.file);
    const create = () => declaredProvider(declaration);
    const provider = create();
    const settings = await settingsFrom(declaration, request);
    const target: Target<DeclaredSettings> = {
      name: `${declaration.name}-under-test`,
      environment: 'test',
      // A mark of this run alone: nothing that anybody else made can be taken for its own.
      installation: `kit${randomBytes(4).toString('hex')}`,
      settings,
      admin: async () => request.admin,
    };
    const { tagged } = provider.traits(settings);
    await mustBeEmpty(target, declaration, request.signal);
    const [silent, nowhere] = await Promise.all([silentPort(), closedPort()]);
    const at = (one: Target<DeclaredSettings>, port: number) => withHosts(one, declaration, `http://127.0.0.1:${port}`);
    try {
      const suite = providerSuite<DeclaredSettings>({
        create,
        settings,
        target: () => target,
        unreachable: (one) => at(one, nowhere),
        silent: (one) => at(one, silent.port),
        // What a test has made must not stand in the way of the next, nor stay.
        close: async (one) => {
          for (const { ref, tag } of await provider.list(one, callNow()))
            if (!tagged || tag?.installation === target.installation) await provider.revoke(one, ref, callNow());
        },
      });
      const outcomes: ProviderTestOutcome[] = [];
      for (const test of suite) {
        if (request.signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the test was stopped');
        const outcome = await test.run().then(
          () => ({ name: test.name, passed: true, why: null }),
          (thrown: unknown) => ({ name: test.name, passed: false, why: wordsOf(thrown) }),
        );
        outcomes.push(outcome);
        request.ended(outcome);
      }
      return outcomes;
    } finally {
      silent.stop();
    }
  },
};

async function declarationOf(file: string): Promise<Declaration> {
  return readDeclaration(file, await textOf(file));
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => {
    throw new KeybatonError('INVALID_CONFIG', `cannot read ${file}: give the path of a file that you may read`);
  });
}

async function settingsFrom(declaration: Declaration, request: ProviderTestRequest): Promise<DeclaredSettings> {
  const given = request.settings === undefined ? {} : yamlOf(request.settings, await textOf(request.settings));
  const read = declaredProvider(declaration).settingsSchema.safeParse({
    ...given,
    hosts: Object.fromEntries(Object.keys(declaration.hosts).map((name) => [name, request.against])),
  });
  if (read.success) return read.data;
  const wrong = read.error.issues.map(({ path, message }) => `${path.join('.') || 'settings'}: ${message}`);
  throw new KeybatonError(
    'INVALID_CONFIG',
    `settings for ${declaration.name}, set them by --settings: ${wrong.join('; ')}`,
  );
}

function yamlOf(file: string, text: string): object {
  let read: unknown;
  try {
    read = parse(text);
  } catch {
    // The parser's message would quote the file.
  }
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read;
  throw new KeybatonError('INVALID_CONFIG', `${file} is not a map of settings in YAML`);
}

/** Where keys carry no tag the kit kills all that it finds, and its tests count what lives there: it must be nobody's. */
async function mustBeEmpty(
  target: Target<DeclaredSettings>,
  declaration: Declaration,
  signal: AbortSignal,
): Promise<void> {
  const found = await declaredProvider(declaration).list(target, { ...callNow(), signal });
  if (found.length === 0) return;
  throw new KeybatonError(
    'CONFLICT',
    `${found.length} keys live there already, and the kit needs a place where none does: name another by --settings`,
  );
}

const callNow = (): Call => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 15_000,
  now: () => Date.now(),
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
});

const withHosts = (
  target: Target<DeclaredSettings>,
  { hosts }: Declaration,
  address: string,
): Target<DeclaredSettings> => ({
  ...target,
  settings: { ...target.settings, hosts: Object.fromEntries(Object.keys(hosts).map((name) => [name, address])) },
});

function wordsOf(thrown: unknown): string {
  if (isKeybatonError(thrown)) return `${thrown.code}: ${thrown.message}`;
  // An assertion of the kit: its own words come first, and what follows may print compared values.
  const [words = 'unknown'] = (thrown instanceof Error ? thrown.message : 'unknown').split('\n');
  return words;
}

/** Takes every connection and says nothing. */
async function silentPort(): Promise<{ readonly port: number; stop(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  const port = await listening(server);
  return {
    port,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A port of this machine where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((done) => server.close(done));
  return port;
}

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  // A listening TCP server always has an AddressInfo.
  return (server.address() as AddressInfo).port;
}
