import { runFake } from '../main.ts';
import { declaredVendors } from './server.ts';

await runFake(declaredVendors);
