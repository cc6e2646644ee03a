import type { JWT } from 'google-auth-library';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { BackendCall } from '../backend.ts';
import type { GoogleSettings } from './settings.ts';

/** Gives every call an access token. */
export type SignIn = (call: BackendCall) => Promise<string>;

const scopes = ['https://www.googleapis.com/auth/cloud-platform'];

/** Where tokens come from. Google's library keeps its own until shortly before they end; a key is read anew every time. */
export function signIn(
  { auth, project }: Pick<GoogleSettings, 'auth' | 'project'>,
  admin: () => Promise<SecretMaterial>,
): SignIn {
  switch (auth.method) {
    case 'token':
      return async () => (await admin()).revealValue();
    case 'key':
      return byKey(admin);
    case 'application-default':
      return byDefault(project);
  }
}

function byDefault(projectId: string): SignIn {
  let found: Promise<{ getAccessToken(): Promise<{ token?: string | null | undefined }> }> | undefined;
  return async (call) => {
    // Looked for again until there is one: workload identity may come up after us.
    found ??= import('google-auth-library')
      // Without a project's name the library asks yet another service for it.
      .then(({ GoogleAuth }) => new GoogleAuth({ scopes, projectId }).getClient())
      .catch((thrown: unknown) => {
        found = undefined;
        throw thrown;
      });
    const client = found;
    return inTime(call, async () => (await (await client).getAccessToken()).token);
  };
}

function byKey(admin: () => Promise<SecretMaterial>): SignIn {
  let held: { readonly text: string; readonly client: JWT } | undefined;
  return async (call) => {
    const text = (await admin()).revealValue();
    if (held?.text !== text) {
      const { client_email: email, private_key: key } = serviceAccountIn(text);
      const { JWT } = await import('google-auth-library');
      // Only name and key are taken: a file could name another address to send the signed request to.
      held = { text, client: new JWT({ email, key, scopes }) };
    }
    const { client } = held;
    return inTime(call, async () => (await client.getAccessToken()).token);
  };
}

function serviceAccountIn(text: string): { client_email: string; private_key: string } {
  try {
    const { type, client_email, private_key } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (type === 'service_account' && typeof client_email === 'string' && typeof private_key === 'string') {
      return { client_email, private_key };
    }
  } catch {
    // The parser's message quotes the text, so it is dropped here.
  }
  throw new KeybatonError('INVALID_CONFIG', 'the admin secret is no key of a Google service account, as JSON');
}

/** The library asks other hosts by its own means: bounded, and none of its errors leaves, since they hold requests. */
async function inTime(call: BackendCall, ask: () => Promise<string | null | undefined>): Promise<string> {
  const left = Math.max(call.deadline - call.now(), 0);
  const late = Promise.withResolvers<never>();
  const giveUp = (): void => late.reject(new KeybatonError('UNAVAILABLE', 'google gave no access token in time'));
  const timer = setTimeout(giveUp, left);
  call.signal.addEventListener('abort', giveUp, { once: true });
  if (call.signal.aborted) giveUp();
  const asked = ask().catch((thrown: unknown) => {
    throw signInTrouble(thrown);
  });
  // Whichever loses the race is heard by nobody, and Node ends a process for that.
  asked.catch(() => undefined);
  late.promise.catch(() => undefined);
  try {
    const token = await Promise.race([asked, late.promise]);
    if (token) return token;
    throw new KeybatonError('ACCESS_DENIED', 'google gave no access token for our identity');
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener('abort', giveUp);
  }
}

function signInTrouble(thrown: unknown): KeybatonError {
  const status = statusIn(thrown);
  if (status === 429)
    return new KeybatonError('RATE_LIMITED', 'google gives no access token now: too many were asked for');
  if (status !== undefined && status < 500) {
    return new KeybatonError(
      'ACCESS_DENIED',
      `google refuses an access token (${String(status)}): check identity, key or federation`,
    );
  }
  if (status !== undefined || hasSystemCode(thrown)) {
    return new KeybatonError('UNAVAILABLE', 'whoever gives access tokens for google cannot be reached');
  }
  return new KeybatonError(
    'ACCESS_DENIED',
    'there is no usable google credential here: run under workload identity, set GOOGLE_APPLICATION_CREDENTIALS, or use auth method key or token',
  );
}

function statusIn(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const status = 'status' in thrown ? thrown.status : undefined;
  const response = 'response' in thrown ? thrown.response : undefined;
  if (typeof status === 'number') return status;
  return typeof response === 'object' && response !== null ? statusIn(response) : undefined;
}

/** ECONNREFUSED, ENOTFOUND and their like, but not a file that is not there. */
function hasSystemCode(thrown: unknown): boolean {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' && /^E[A-Z_]+$/.test(code) && !['ENOENT', 'EACCES', 'EISDIR'].includes(code);
}
