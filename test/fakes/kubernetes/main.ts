import { runFake } from '../main.ts';
import { kubernetesVendor } from './server.ts';

await runFake(kubernetesVendor);
