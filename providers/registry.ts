import { anthropic } from './anthropic.ts';
import { awsBedrockApiKey } from './aws-bedrock-api-key.ts';
import { awsIam } from './aws-iam.ts';
import { azureOpenAi } from './azure-openai.ts';
import { bearerKey, cohere, mistral } from './bearer-key.ts';
import { gitHubRevoker } from './github.ts';
import { declaredProvider, shippedDeclaration } from './http.ts';
import { huggingFaceRevoker } from './hugging-face.ts';
import { inMemory, inMemoryValueRevoker } from './in-memory.ts';
import { mariadb } from './mariadb.ts';
import { mlflow } from './mlflow.ts';
import { openAiAdminKey } from './openai-admin-key.ts';
import { openAi } from './openai.ts';
import { openRouter } from './openrouter.ts';
import { pineconeServiceAccount } from './pinecone-service-account.ts';
import { pinecone } from './pinecone.ts';
import { postgresRoles } from './postgres-roles.ts';
import type { ProviderFactory } from './provider.ts';
import { qdrantCloud } from './qdrant-cloud.ts';
import { rabbitMq } from './rabbitmq.ts';
import { redis } from './redis.ts';
import { supabase } from './supabase.ts';
import type { ValueRevoker } from './value-revoker.ts';

/** Every adapter that ships, by the name that targets.yml uses. One line each. */
export const providers = {
  anthropic: () => anthropic(),
  'aws-bedrock-api-key': () => awsBedrockApiKey(),
  'aws-iam': () => awsIam(),
  'azure-openai': () => azureOpenAi(),
  'bearer-key': () => bearerKey(),
  cohere: () => cohere(),
  elevenlabs: () => declaredProvider(shippedDeclaration('elevenlabs')),
  fireworks: () => declaredProvider(shippedDeclaration('fireworks')),
  'in-memory': () => inMemory(),
  'in-memory-generated': () => inMemory({ powers: { makes: 'generate' } }),
  'in-memory-slots': () => inMemory({ powers: { keys: 'dual-slot', makes: 'generate', usage: 'sample' } }),
  'in-memory-supplied': () => inMemory({ powers: { keys: 'operator-supplied' } }),
  mariadb: () => mariadb(),
  mistral: () => mistral(),
  mlflow: () => mlflow(),
  openai: () => openAi(),
  'openai-admin-key': () => openAiAdminKey(),
  openrouter: () => openRouter(),
  pinecone: () => pinecone(),
  'pinecone-service-account': () => pineconeServiceAccount(),
  'postgres-roles': () => postgresRoles(),
  'qdrant-cloud': () => qdrantCloud(),
  rabbitmq: () => rabbitMq(),
  redis: () => redis(),
  supabase: () => supabase(),
  xai: () => declaredProvider(shippedDeclaration('xai')),
} satisfies Record<string, ProviderFactory>;

/** Vendors that kill a value they are shown, one line each. */
export const valueRevokers: readonly ValueRevoker[] = [gitHubRevoker(), huggingFaceRevoker(), inMemoryValueRevoker()];
