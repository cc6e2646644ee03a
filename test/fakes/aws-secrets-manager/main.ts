import { runFake } from '../main.ts';
import { awsSecretsManagerVendor } from './server.ts';

await runFake(awsSecretsManagerVendor);
