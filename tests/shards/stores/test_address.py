import pytest

from shards.stores.address import (
    bucket_and_key,
    is_remote,
    local_path,
    refuse_address,
    refuse_name,
    scheme_of,
    shown,
)


@pytest.mark.parametrize(
    ("path", "scheme"),
    [
        ("/a/b", ""),
        ("a/b", ""),
        ("file:///a/b", ""),
        ("a:b", ""),
        ("s3://bucket/key", "s3"),
        ("S3://bucket/key", "s3"),
        ("gs://bucket/key", "gs"),
        ("http://host/x", "http"),
        ("https://host/x", "https"),
    ],
)
def test_the_schemes_of_the_list_are_taken(path, scheme):
    assert scheme_of(path) == scheme
    assert is_remote(path) == bool(scheme)


@pytest.mark.parametrize(
    "path",
    [
        "pipe:touch /tmp/x",
        "ftp://host/x",
        "ssh://host/x",
        "memory://x",
        "concat://x",
        "data://text/plain,x",
        "github://org:repo@/x",
        "simplecache::s3://bucket/x",
        "gopher://127.0.0.1:25/x",
    ],
)
def test_every_other_scheme_and_every_command_is_refused(path):
    with pytest.raises(ValueError, match="a path must"):
        scheme_of(path)


def test_a_remote_path_is_no_local_one():
    with pytest.raises(ValueError, match="on this machine"):
        local_path("s3://bucket/x")


@pytest.mark.parametrize(
    "path",
    [
        "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/mine/x",
        "s3://mrap.accesspoint.s3-global.amazonaws.com:80/x",
        "s3://user@host/x",
        "s3:///x",
        "gs://a/x",
        "s3://bucket/x\r\nHost: other",
    ],
)
def test_a_bucket_is_a_plain_name_that_chooses_no_endpoint(path):
    with pytest.raises(ValueError, match="must"):
        bucket_and_key(path)


def test_a_key_may_hold_what_a_name_may_hold():
    assert bucket_and_key("s3://my-bucket/a/b c?d#e") == ("my-bucket", "a/b c?d#e")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "::",
        "224.0.0.1",
    ],
)
def test_link_local_and_metadata_addresses_are_refused(address):
    with pytest.raises(ValueError, match="must not be connected to"):
        refuse_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "93.184.216.34"])
def test_other_addresses_are_taken(address):
    refuse_address(address)


@pytest.mark.parametrize(
    "url", ["http://metadata.google.internal/x", "http://METADATA/x", "http:///x", "https://h/\n"]
)
def test_names_of_metadata_services_and_no_names_are_refused(url):
    with pytest.raises(ValueError, match="must"):
        refuse_name(url)


def test_a_path_is_shown_without_its_secrets():
    url = "https://user:secret@host:8080/a/b.mp4?X-Amz-Signature=secret&v=1#secret"
    assert shown(url) == "https://host:8080/a/b.mp4"
    assert shown("/a/b?c#d") == "/a/b?c#d"
    assert shown("s3://bucket/a?b") == "s3://bucket/a?b"
