import { existsSync, readFileSync } from 'node:fs';
import { emulatorProgram, emulatorsFile } from '../setup/emulators.mjs';
import { onFreePort } from './free-port.ts';
import { startProgram } from './program.ts';

export interface Emulator {
  readonly url: string;
  stop(): Promise<void>;
}

const hint = 'node scripts/setup/emulators.mjs';

/** Why the emulators are not there; undefined when they are. */
export function missingEmulators(): string | undefined {
  if (!existsSync(emulatorsFile)) return `moto and drongo are not installed: ${hint}`;
  // Written by scripts/setup/emulators.mjs alone.
  return (JSON.parse(readFileSync(emulatorsFile, 'utf8')) as { readonly missing?: string }).missing;
}

/** https://docs.getmoto.org/en/latest/docs/server_mode.html */
export const startMoto = (): Promise<Emulator> => start('moto', ['-H', '127.0.0.1', '-p'], '/moto-api/');

export const startDrongo = (): Promise<Emulator> => start('drongo', ['server', '--host', '127.0.0.1', '--port'], '/');

function start(name: 'moto' | 'drongo', args: readonly string[], ready: string): Promise<Emulator> {
  return onFreePort(async (port) => {
    const url = `http://127.0.0.1:${String(port)}`;
    const program = await startProgram({ title: name, command: emulatorProgram(name), args: [...args, String(port)] });
    // Whatever it answers, it listens.
    const listens = (): Promise<boolean> =>
      fetch(`${url}${ready}`).then(
        () => true,
        () => false,
      );
    try {
      await program.ready(listens);
    } catch (error) {
      await program.stop();
      throw error;
    }
    return { url, stop: async () => void (await program.stop()) };
  });
}
