import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { signInByDevice } from '../../outbound/open-id.ts';
import { siteAddress } from '../access/access-file.ts';
import type { CommandContext } from './command.ts';
import { askBeforeSignIn } from './remote-call.ts';
import { printable } from './text.ts';

const issuerShape = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  // Nobody is sent to an issuer in clear text because an API says so.
  issuer: siteAddress('the address of an issuer'),
  clientId: z.string(),
  scopes: z.array(z.string()),
  public: z.boolean(),
});
export type IssuerAt = z.output<typeof issuerShape>;

const offered = z.object({ issuers: z.array(issuerShape) });
const session = z.object({ token: z.string().regex(/^[\x21-\x7e]+$/) });

function read<Shape extends z.ZodType>(shape: Shape, answer: unknown): z.output<Shape> {
  const found = shape.safeParse(answer);
  if (found.success) return found.data;
  throw new KeybatonError(
    'UNAVAILABLE',
    'the API answered something else than this build expects: is it of another version',
  );
}

/** The named issuer, or the only one that a command line can use. Undefined where there is none, and none was named. */
export async function issuerAt(url: string, name: string | undefined): Promise<IssuerAt | undefined> {
  const { issuers } = read(offered, await askBeforeSignIn(url, '/v1/sign-in'));
  const usable = issuers.filter((one) => one.public);
  const names = usable.map((one) => one.name).join(', ');
  if (name === undefined) {
    if (usable.length > 1) throw new KeybatonError('INVALID_CONFIG', `say which with --issuer: ${names}`);
    return usable[0];
  }
  const found = usable.find((one) => one.name === name);
  if (found !== undefined) return found;
  if (issuers.some((one) => one.name === name))
    throw new KeybatonError(
      'UNSUPPORTED',
      'this issuer is for browsers alone, since its client has a secret: sign in with --token',
    );
  throw new KeybatonError(
    'NOT_FOUND',
    `command lines can sign in there with ${names || 'no issuer'}, and not with this one`,
  );
}

/**
 * Shows the person an address and a code, waits until they have confirmed them in a browser, and answers the signed token
 * for which the API takes the id token. At Ctrl-C it throws what the signal says, at once.
 */
export async function tokenByDevice(
  { environment: { stderr }, signal }: Pick<CommandContext, 'environment' | 'signal'>,
  url: string,
  { name, issuer, clientId, scopes }: IssuerAt,
): Promise<string> {
  const device = await signInByDevice({ issuer, clientId, clientSecret: undefined, scopes });
  signal.throwIfAborted();
  // With --json too: without it nobody could go on.
  stderr.write(
    `open in any browser: ${printable(device.address)}\nand confirm there:   ${printable(device.code)}\nwaiting (Ctrl-C ends it)\n`,
  );
  const left = Promise.withResolvers<never>();
  const leave = (): void => left.reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  try {
    const idToken = await Promise.race([device.wait(signal), left.promise]);
    return read(session, await askBeforeSignIn(url, '/v1/sign-in', { issuer: name, idToken })).token;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
