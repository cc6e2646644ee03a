import sodium from 'libsodium-wrappers';
import { runFake } from '../main.ts';
import { githubVendor } from './server.ts';

await sodium.ready;
await runFake(githubVendor);
