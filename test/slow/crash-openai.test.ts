import { openAiFamily } from '../crash/families.ts';
import { crashMatrix } from '../crash/matrix.ts';

crashMatrix('openai', openAiFamily);
