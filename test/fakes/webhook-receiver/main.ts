import { runFake } from '../main.ts';
import { webhookReceiver } from './server.ts';

await runFake(webhookReceiver);
