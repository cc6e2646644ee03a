/**
 * Runs one fake as a process of its own. Arguments: `--port N --control-port N` (0 or absent: a free one) and
 * `--with-parent` (end when stdin ends, so that a killed test leaves nothing behind). The admin key comes by the
 * environment, KEYBATON_FAKE_ADMIN_KEY, never by an argument. Prints `{"ready":true,"url":...,"control":...}` as its only line.
 */
import { parseArgs } from 'node:util';
import { fakeServer, type Vendor } from './fake-server.ts';
import { valueTap } from './tap.ts';

export interface VendorOptions {
  readonly adminKey: string;
  /** Called with every value minted, at once. */
  readonly onValue: (value: string) => void;
}

export async function runFake<Settings extends object>(
  vendor: (options: VendorOptions) => Vendor<Settings>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'control-port': { type: 'string', default: '0' },
      'with-parent': { type: 'boolean', default: false },
    },
  });
  const adminKey = process.env['KEYBATON_FAKE_ADMIN_KEY'];
  if (!adminKey) throw new Error('set KEYBATON_FAKE_ADMIN_KEY: the admin key this fake accepts');
  const server = await fakeServer(vendor({ adminKey, onValue: valueTap() }), {
    port: Number(values.port),
    controlPort: Number(values['control-port']),
  });
  const end = () => process.exit(0);
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  if (values['with-parent']) process.stdin.once('end', end).resume();
  process.stdout.write(`${JSON.stringify({ ready: true, url: server.url, control: server.control })}\n`);
}
