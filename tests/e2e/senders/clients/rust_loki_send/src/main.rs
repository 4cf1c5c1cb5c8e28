// A program that logs by the `tracing` crate: rust_loki_send URL WORD. Its own name must not begin like the layer's,
// which never sends on account of events of its own.
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().collect();
    let (layer, controller, task) = tracing_loki::builder()
        .label("service_name", "cart")?
        .extra_field("team", "checkout")?
        .build_controller_url(url::Url::parse(&given[1])?)?;
    tracing_subscriber::registry().with(layer).init();
    let sender = tokio::spawn(task);
    for n in 0..50 {
        tracing::warn!(n, user = "bob", "{} declined {} ün", given[2], n);
    }
    controller.shutdown().await;
    sender.await?;
    Ok(())
}
