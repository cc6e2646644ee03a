import { existsSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { cache } from '../setup/places.mjs';
import { onFreePort } from './free-port.ts';
import { startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** MLflow is 850 MB in a Python environment of its own, so set-up does not bring it: `scripts/setup/emulators.mjs` does. */
const named = process.env['KEYBATON_MLFLOW'];
const program = named ?? join(cache, 'mlflow', 'bin', 'mlflow');

/** Why there is no MLflow, with what brings it; undefined when it is there. */
export function missingMlflow(): string | undefined {
  // Written when all of it is installed.
  if (existsSync(named ?? join(cache, 'mlflow', 'found'))) return undefined;
  return 'MLflow is not there: node scripts/setup/emulators.mjs brings it (850 MB), or name its program in KEYBATON_MLFLOW';
}

export interface MlflowServer {
  readonly url: string;
  readonly admin: { readonly username: string; readonly password: string };
  /** What it has printed. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

/** A real MLflow with basic-auth on 127.0.0.1, where nobody may do anything unasked. Resolves when it answers. */
export function startMlflowServer(): Promise<MlflowServer> {
  return onFreePort(async (port) => {
    const folder = temporaryFolder('mlflow');
    const admin = { username: 'admin', password: randomBytes(18).toString('base64url') };
    const settings = {
      default_permission: 'NO_PERMISSIONS',
      database_uri: `sqlite:///${join(folder.path, 'auth.db')}`,
      admin_username: admin.username,
      admin_password: admin.password,
      authorization_function: 'mlflow.server.auth:authenticate_request_basic_auth',
      // Most of a request's time is the hashing of the admin's password; its one worker forgets what is deleted at once.
      auth_cache_ttl_seconds: '600',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    const config = join(folder.path, 'auth.ini');
    writeFileSync(config, `[mlflow]\n${lines.join('\n')}\n`, { mode: 0o600 });
    const where = ['--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
    const stores = ['--backend-store-uri', `sqlite:///${join(folder.path, 'mlflow.db')}`];
    try {
      const server = await startProgram({
        title: 'MLflow',
        command: program,
        args: [
          'server',
          '--app-name',
          'basic-auth',
          ...where,
          ...stores,
          '--artifacts-destination',
          join(folder.path, 'artifacts'),
        ],
        cwd: folder.path,
        env: {
          MLFLOW_AUTH_CONFIG_PATH: config,
          MLFLOW_FLASK_SERVER_SECRET_KEY: randomBytes(18).toString('base64url'),
          MLFLOW_DISABLE_TELEMETRY: 'true',
          MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
        },
      });
      const stop = async (): Promise<void> => {
        await server.stop();
        folder.remove();
      };
      const url = `http://127.0.0.1:${port}`;
      try {
        await server.ready(() =>
          fetch(`${url}/health`).then(
            ({ ok }) => ok,
            () => false,
          ),
        );
      } catch (error) {
        await stop();
        throw error;
      }
      return { url, admin, output: server.output, stop };
    } catch (error) {
      folder.remove();
      throw error;
    }
  });
}
