// A process of its own, to be run with DEBUG=*: `vault-kv-child.ts URL SECRETS-FILE`.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import nodeVault from 'node-vault';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { backendWith, placeAt } from './vault-kv-subject.ts';

const [url = '', secretsFile = ''] = process.argv.slice(2);
// The cast is safe: the test that starts this process writes the file.
const secrets = JSON.parse(readFileSync(secretsFile, 'utf8')) as Record<
  'token' | 'value' | 'controlToken' | 'control',
  string
>;
const { token, value, controlToken, control } = secrets;
const backend = backendWith(url, token);
const place = placeAt(`ai/prod/debug/${randomBytes(6).toString('hex')}`);
const call = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() });

const version = versionIdFrom(randomBytes(64));
await backend.probe(place, call());
await backend.stage(
  place,
  { version, ref: { id: 'key-1' }, material: new SecretMaterial({ api_key: value }, 'api_key') },
  call(),
);
await backend.promote(place, { version, epoch: 1, expected: undefined }, call());
await backend.read(place, 'current', call());
await backend.destroy(place, version, call()).catch(() => undefined);

// node-vault as it comes prints what it writes, and its transport the token: so the search that finds nothing of ours is able to find.
await nodeVault({ endpoint: url, token: controlToken }).write(`secret/data/${place.path}-control`, {
  data: { control },
});
