//! Enums whose values have stable names.

/// Declares an enum together with `ALL`, `as_str` and `Display`, so that none can fall behind.
macro_rules! named {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name {
            $($(#[$doc])* #[doc = concat!("\n\nIts stable name is `", $text, "`.")] $variant,)*
        }

        impl $name {
            /// Every value, in the order of their documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name: lower case, words joined by hyphens.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(super) use named;
