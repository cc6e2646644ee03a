import { runFake } from '../main.ts';
import { pineconeVendor } from './server.ts';

await runFake(pineconeVendor);
