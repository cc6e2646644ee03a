import type { ConsumerOrders, Work } from './consumer.ts';

type ModelOrders = Extract<ConsumerOrders['work'], { readonly kind: 'models' }>;

/** Calls to a model provider, as an assistant makes them. */
export function modelWork({ url }: ModelOrders): Work {
  return {
    async run({ api_key = '' }) {
      const answer = await fetch(`${url}/models`, {
        headers: { authorization: `Bearer ${api_key}` },
        signal: AbortSignal.timeout(10_000),
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw Object.assign(new Error('the provider refused'), { status: answer.status });
    },
    close: async () => undefined,
  };
}
