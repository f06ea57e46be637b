//! What a client's requests look like: which headers each kind of request has, in which order, and with which values.
//!
//! [`RequestTemplates::kind`] finds the kind, [`HeaderTemplate::dress`] puts a request's own headers and the profile's together.

mod dress;
mod template;

pub(crate) use dress::{Dressed, Occasion};
pub(crate) use template::{
    DefaultValue, HeaderSlot, HeaderTemplate, MethodCondition, RequestTemplate, RequestTemplates,
};
