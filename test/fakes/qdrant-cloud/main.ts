import { runFake } from '../main.ts';
import { qdrantCloudVendor } from './server.ts';

await runFake(qdrantCloudVendor);
