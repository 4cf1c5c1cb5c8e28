"""aiokafka's producers: an idempotent one for each codec, then transactions, of which one is aborted."""

import asyncio
import json
import sys

from aiokafka import AIOKafkaProducer

address, topic, service = sys.argv[1:]


def order(n: int, kind: str) -> bytes:
    return json.dumps({"message": f"{kind} order {n}", "service": service, "level": "warn", "n": n}).encode()


async def main() -> None:
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        async with AIOKafkaProducer(
            bootstrap_servers=address, compression_type=codec, enable_idempotence=True
        ) as producer:
            sent = [
                await producer.send(topic, order(n, str(codec)), key=b"k", headers=[("codec", str(codec).encode())])
                for n in range(100)
            ]
            await asyncio.gather(*sent)
    async with AIOKafkaProducer(bootstrap_servers=address, transactional_id=topic) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, order(0, "aborted"))
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, order(0, "committed"))


asyncio.run(main())
