import { runFake } from '../main.ts';
import { awsVendor } from './server.ts';

await runFake(awsVendor);
