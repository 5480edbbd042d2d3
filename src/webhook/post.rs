//! One signed request to the receiver.

use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, InvalidHeaderValue};

use super::signature::sign;
use super::{ClaimedDelivery, DeliveryFailure, WebhookOptions};
use crate::outbound::{HttpClient, SendError};

/// Sends requests to the receiver.
pub(super) struct Post {
    options: WebhookOptions,
    client: HttpClient,
}

impl Post {
    /// # Errors
    /// The error, where the system has no certificates to know the receiver by.
    pub(super) fn to(options: WebhookOptions) -> Result<Self, String> {
        let client = HttpClient::new(options.target.clone())?;
        Ok(Self { options, client })
    }

    pub(super) fn options(&self) -> &WebhookOptions {
        &self.options
    }

    /// Sends it; done when the receiver says so.
    pub(super) async fn send(
        &self,
        claimed: &ClaimedDelivery,
        unix_time: i64,
    ) -> Result<(), DeliveryFailure> {
        let headers = self.headers(claimed, unix_time).map_err(|_| DeliveryFailure::Broken)?;
        let status = self.client.post(headers, claimed.body.clone().into()).await?;
        if (200..300).contains(&status) { Ok(()) } else { Err(DeliveryFailure::Status(status)) }
    }

    fn headers(
        &self,
        claimed: &ClaimedDelivery,
        unix_time: i64,
    ) -> Result<HeaderMap, InvalidHeaderValue> {
        let id = claimed.id.to_string();
        let signature = sign(&self.options.secrets, &id, unix_time, &claimed.body);
        let json = HeaderValue::from_static("application/json");
        Ok(HeaderMap::from_iter([
            (CONTENT_TYPE, json),
            (HeaderName::from_static("webhook-id"), id.parse()?),
            (HeaderName::from_static("webhook-timestamp"), HeaderValue::from(unix_time)),
            (HeaderName::from_static("webhook-signature"), signature.parse()?),
        ]))
    }
}

impl From<SendError> for DeliveryFailure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Timeout => Self::Timeout,
            SendError::Unreachable => Self::Unreachable,
            SendError::Tls => Self::Tls,
            SendError::Broken => Self::Broken,
        }
    }
}
