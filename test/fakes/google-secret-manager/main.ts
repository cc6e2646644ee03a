import { runFake } from '../main.ts';
import { googleSecretManagerVendor } from './server.ts';

await runFake(googleSecretManagerVendor);
